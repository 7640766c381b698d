// The last step of every entry of D, whoever multiplied: self-pairs, guard or clip, one write.
#pragma once
#include "direct.cuh"

// A tile is finished slab by slab. Lanes lie along a row, so that a warp writes whole cache lines;
// for the mirror image, and for the columns' flags, they lie along a column.
#define SLAB_ROWS LANES
#define SLAB_WORDS 4
#define SLAB_COLUMNS (SLAB_WORDS * LANES)
#define PAD 4
#define PITCH (SLAB_COLUMNS + PAD)

// A tile of D. Thresholds are null where the guard is off, flags where nobody asks for them.
// `mirror` is where entry (i, j) is written a second time, as (j, i) of a symmetric matrix; of such
// a tile only what lies on and above the diagonal j = i + offset is computed.
struct Tile {
    index_t rows, columns;
    const real *x, *y;
    int d;
    Form form;
    const real *row_threshold, *column_threshold;
    int clip, has_self;
    index_t offset;
    real *D, *mirror;
    index_t row_stride, column_stride;
    unsigned *row_flags, *column_flags;
    index_t row_pitch, column_pitch;
};

#define TILE_PARAMETERS                                                                        \
    index_t rows, index_t columns, const real *x, const real *y, int d, int kind,              \
        const real *form_array, int form_width, const real *row_threshold,                     \
        const real *column_threshold, int clip, int has_self, index_t offset, real *D,         \
        real *mirror, index_t row_stride, index_t column_stride, unsigned *row_flags,          \
        index_t row_pitch, unsigned *column_flags, index_t column_pitch

#define TILE                                                                                   \
    Tile {                                                                                     \
        rows, columns, x, y, d, Form{kind, form_array, form_width}, row_threshold,             \
            column_threshold, clip, has_self, offset, D, mirror, row_stride, column_stride,    \
            row_flags, column_flags, row_pitch, column_pitch                                   \
    }

// Where a block's work starts. Blocks are counted along one axis of the grid, row by row, because
// the others end at 65,535.
struct Corner {
    index_t row, column;
};

__device__ inline Corner corner(const Tile& tile, index_t height, index_t width) {
    const index_t across = (tile.columns + width - 1) / width;
    return Corner{blockIdx.x / across * height, blockIdx.x % across * width};
}

__device__ inline bool below_diagonal(const Tile& tile, Corner at, index_t width) {
    return tile.mirror && at.column + width <= at.row + tile.offset;
}

// Where row i of D meets its diagonal: a column of the slab, -1 or SLAB_COLUMNS where it does not.
__device__ inline int diagonal(const Tile& tile, Corner at, index_t i) {
    const index_t c = i + tile.offset - at.column;
    return c < 0 ? -1 : c < SLAB_COLUMNS ? (int)c : SLAB_COLUMNS;
}

__device__ inline int slab_width(const Tile& tile, Corner at) {
    const index_t left = tile.columns - at.column;
    return left < SLAB_COLUMNS ? (int)left : SLAB_COLUMNS;
}

// Finish and write the slab's entries row by row; the slab keeps them, `flagged` what was recomputed.
// Writing D bounds small widths, so that what can be is done once for a row or a lane.
__device__ inline void finish_rows(const Tile& tile, Corner at, real (&slab)[SLAB_ROWS][PITCH],
                                   unsigned (&flagged)[SLAB_ROWS][SLAB_WORDS]) {
    const int lane = threadIdx.x, width = slab_width(tile, at);
    const bool guarded = tile.row_threshold;
    real column_threshold[SLAB_WORDS] = {};
#pragma unroll
    for (int w = 0; w < SLAB_WORDS; ++w)
        if (guarded && w * LANES + lane < width)
            column_threshold[w] = tile.column_threshold[at.column + w * LANES + lane];
    for (int r = threadIdx.y; r < SLAB_ROWS; r += WARPS) {
        const index_t i = at.row + r;
        if (i >= tile.rows) return;
        const int own = diagonal(tile, at, i), first = tile.mirror ? own : -1;
        const real row_threshold = guarded ? tile.row_threshold[i] : (real)0;
        real* out = tile.D + i * tile.row_stride + at.column * tile.column_stride;
#pragma unroll
        for (int w = 0; w < SLAB_WORDS; ++w) {
            const int c = w * LANES + lane;
            const bool wanted = c >= first && c < width, self = tile.has_self && c == own;
            real value = slab[r][c];
            // Written so that NaN, from overflow, counts as cancelled.
            const bool again = guarded && wanted && !self &&
                               !(fabs(value) >= row_threshold + column_threshold[w]);
            if (again)
                value = direct(tile.form, tile.x + i * tile.d,
                               tile.y + (at.column + c) * tile.d, tile.d);
            else if (self || (tile.clip && value < 0))
                value = 0;
            if (wanted) out[c * tile.column_stride] = value;
            slab[r][c] = value;
            if (!tile.row_flags) continue;
            const unsigned word = __ballot_sync(EVERY_LANE, again);
            if (lane || w * LANES >= width) continue;
            flagged[r][w] = word;
            tile.row_flags[i * tile.row_pitch + at.column / LANES + w] = word;
        }
    }
}

// Write the mirror image and the columns' flags.
__device__ inline void finish_columns(const Tile& tile, Corner at,
                                      const real (&slab)[SLAB_ROWS][PITCH],
                                      const unsigned (&flagged)[SLAB_ROWS][SLAB_WORDS]) {
    const int lane = threadIdx.x, width = slab_width(tile, at);
    const index_t i = at.row + lane;
    const bool inside = i < tile.rows;
    const int own = diagonal(tile, at, i);
    for (int c = threadIdx.y; c < width; c += WARPS) {
        const index_t j = at.column + c;
        if (tile.mirror && inside && c > own)
            tile.mirror[j * tile.row_stride + i * tile.column_stride] = slab[lane][c];
        if (!tile.column_flags) continue;
        const bool again = inside && flagged[lane][c / LANES] >> (c % LANES) & 1;
        const unsigned word = __ballot_sync(EVERY_LANE, again);
        if (!lane) tile.column_flags[j * tile.column_pitch + at.row / LANES] = word;
    }
}

// Finish a slab that all threads of the block have filled.
__device__ inline void finish(const Tile& tile, Corner at, real (&slab)[SLAB_ROWS][PITCH],
                              unsigned (&flagged)[SLAB_ROWS][SLAB_WORDS]) {
    __syncthreads();
    finish_rows(tile, at, slab, flagged);
    if (!tile.mirror && !tile.column_flags) return;
    __syncthreads();
    finish_columns(tile, at, slab, flagged);
}
