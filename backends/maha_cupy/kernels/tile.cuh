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

// Written so that NaN, from overflow, counts as cancelled.
__device__ inline bool cancelled(const Tile& tile, index_t i, index_t j, real value) {
    if (!tile.row_threshold) return false;
    return !(fabs(value) >= tile.row_threshold[i] + tile.column_threshold[j]);
}

// Finish and write the slab's entries row by row; the slab keeps them, `flagged` what was recomputed.
__device__ inline void finish_rows(const Tile& tile, Corner at, real (&slab)[SLAB_ROWS][PITCH],
                                   unsigned (&flagged)[SLAB_ROWS][SLAB_WORDS]) {
    const int lane = threadIdx.x;
    for (int r = threadIdx.y; r < SLAB_ROWS; r += WARPS) {
        const index_t i = at.row + r;
        if (i >= tile.rows) return;
#pragma unroll 1
        for (int w = 0; w < SLAB_WORDS; ++w) {
            const index_t start = at.column + w * LANES, j = start + lane;
            const bool wanted = j < tile.columns && !(tile.mirror && j < i + tile.offset);
            const bool self = tile.has_self && j == i + tile.offset;
            real value = slab[r][w * LANES + lane];
            const bool again = wanted && !self && cancelled(tile, i, j, value);
            if (again)
                value = direct(tile.form, tile.x + i * tile.d, tile.y + j * tile.d, tile.d);
            else if (self || (tile.clip && value < 0))
                value = 0;
            if (wanted) tile.D[i * tile.row_stride + j * tile.column_stride] = value;
            slab[r][w * LANES + lane] = value;
            const unsigned word = __ballot_sync(EVERY_LANE, again);
            if (lane) continue;
            flagged[r][w] = word;
            if (tile.row_flags && start < tile.columns)
                tile.row_flags[i * tile.row_pitch + start / LANES] = word;
        }
    }
}

// Write the mirror image and the columns' flags.
__device__ inline void finish_columns(const Tile& tile, Corner at,
                                      const real (&slab)[SLAB_ROWS][PITCH],
                                      const unsigned (&flagged)[SLAB_ROWS][SLAB_WORDS]) {
    const int lane = threadIdx.x;
    const index_t i = at.row + lane;
    for (int c = threadIdx.y; c < SLAB_COLUMNS; c += WARPS) {
        const index_t j = at.column + c;
        if (j >= tile.columns) return;
        if (tile.mirror && i < tile.rows && j > i + tile.offset)
            tile.mirror[j * tile.row_stride + i * tile.column_stride] = slab[lane][c];
        if (!tile.column_flags) continue;
        const bool again = i < tile.rows && flagged[lane][c / LANES] >> (c % LANES) & 1;
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
