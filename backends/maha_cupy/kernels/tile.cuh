// The last step of every entry of D, whoever multiplied: self-pairs, guard or clip, one write.
#pragma once
#include "direct.cuh"

// Each thread owns SIDE x SIDE neighbouring entries: a byte of flags for each row and column.
#define SIDE 8

// A tile of D. Thresholds are null where the guard is off, flags where nobody asks for them.
// `half`: the tile starts on the diagonal of a symmetric matrix; what lies on and above the
// diagonal is computed, and written to its mirror image, too.
struct Tile {
    index_t rows, columns;
    const real *x, *y;
    int d;
    Form form;
    const real *row_threshold, *column_threshold;
    int clip, has_self;
    index_t offset;
    int half;
    real* D;
    index_t row_stride, column_stride;
    unsigned char *row_flags, *column_flags;
    index_t row_pitch, column_pitch;
};

#define TILE_PARAMETERS                                                                        \
    index_t rows, index_t columns, const real *x, const real *y, int d, int kind,              \
        const real *form_array, int form_width, const real *row_threshold,                     \
        const real *column_threshold, int clip, int has_self, index_t offset, int half,        \
        real *D, index_t row_stride, index_t column_stride, unsigned char *row_flags,          \
        index_t row_pitch, unsigned char *column_flags, index_t column_pitch

#define TILE                                                                                   \
    Tile {                                                                                     \
        rows, columns, x, y, d, Form{kind, form_array, form_width}, row_threshold,             \
            column_threshold, clip, has_self, offset, half, D, row_stride, column_stride,      \
            row_flags, column_flags, row_pitch, column_pitch                                   \
    }

// Written so that NaN, from overflow, counts as cancelled.
__device__ inline bool cancelled(const Tile& tile, index_t i, index_t j, real value) {
    if (!tile.row_threshold) return false;
    return !(fabs(value) >= tile.row_threshold[i] + tile.column_threshold[j]);
}

__device__ inline void write(const Tile& tile, index_t i, index_t j, real value) {
    tile.D[i * tile.row_stride + j * tile.column_stride] = value;
    if (tile.half) tile.D[j * tile.row_stride + i * tile.column_stride] = value;
}

// Write the entries from (row, column) on that stand; return the others as bits, row by row.
__device__ inline unsigned long long write_kept(const Tile& tile, index_t row, index_t column,
                                                const real (&values)[SIDE][SIDE]) {
    unsigned long long flagged = 0;
#pragma unroll
    for (int r = 0; r < SIDE; ++r) {
#pragma unroll
        for (int c = 0; c < SIDE; ++c) {
            const index_t i = row + r, j = column + c;
            if (i >= tile.rows || j >= tile.columns || (tile.half && j < i)) continue;
            const bool self = tile.has_self && j - i == tile.offset;
            if (!self && cancelled(tile, i, j, values[r][c]))
                flagged |= 1ull << (r * SIDE + c);
            else
                write(tile, i, j, self || (tile.clip && values[r][c] < 0) ? 0 : values[r][c]);
        }
    }
    return flagged;
}

// A loop of its own, not unrolled: few threads have any, and its code is long.
__device__ inline void write_recomputed(const Tile& tile, index_t row, index_t column,
                                        unsigned long long flagged) {
    for (; flagged; flagged &= flagged - 1) {
        const int bit = __ffsll(flagged) - 1;
        const index_t i = row + bit / SIDE, j = column + bit % SIDE;
        write(tile, i, j, direct(tile.form, tile.x + i * tile.d, tile.y + j * tile.d, tile.d));
    }
}

// Rows and columns have a byte each: SIDE is 8.
__device__ inline void write_flags(const Tile& tile, index_t row, index_t column,
                                   unsigned long long flagged) {
    if (row >= tile.rows || column >= tile.columns) return;
    for (int s = 0; s < SIDE; ++s) {
        unsigned char by_column = 0;
        for (int r = 0; r < SIDE; ++r) by_column |= (flagged >> (r * SIDE + s) & 1) << r;
        if (row + s < tile.rows)
            tile.row_flags[(row + s) * tile.row_pitch + column / SIDE] = flagged >> (s * SIDE);
        if (column + s < tile.columns)
            tile.column_flags[(column + s) * tile.column_pitch + row / SIDE] = by_column;
    }
}

// Finish the entries from (row, column) on.
__device__ inline void finish(const Tile& tile, index_t row, index_t column,
                              const real (&values)[SIDE][SIDE]) {
    const unsigned long long flagged = write_kept(tile, row, column, values);
    if (flagged) write_recomputed(tile, row, column, flagged);
    if (tile.row_flags) write_flags(tile, row, column, flagged);
}
