// The last step of every entry of D, whoever multiplied: self-pairs, guard or clip, one write.
#pragma once
#include "direct.cuh"

// A block of threads makes BLOCK x BLOCK entries; thread (x, y) of its THREADS x THREADS those of
// the rows 4 y ... 4 y + 3 of either half of the block, against the columns 4 x ... 4 x + 3 of
// either half. They never leave its registers, so that every loop over them is unrolled.
#define BLOCK 128
#define HALF (BLOCK / 2)
#define THREADS 16
#define SIDE 8

typedef real Entries[SIDE][SIDE];

// Bit SIDE r + c stands for a thread's entry (r, c).
typedef unsigned long long mask_t;
#define EVERY_ENTRY 0xffffffffffffffffull

// Neighbours, so that they are read and written together.
struct alignas(16) Four {
    real v[4];
};

// A loss visits the entries of D where they are made: see visit.cuh. Nobody keeps D then.
#if defined SUMS || defined ENTRY
#define VISITED
#endif

// A tile of D. Thresholds are null where the guard is off, flags, which start as 0, where nobody
// asks for them. Of a `half` tile only what lies on and above the diagonal j = i + offset is
// computed; `mirror` is where entry (i, j) is written a second time, as (j, i) of a symmetric
// matrix.
struct Tile {
    index_t rows, columns;
    const real *x, *y;
    int d;
    Form form;
    const real *row_threshold, *column_threshold;
    int clip, has_self, half;
    index_t offset;
    real *D, *mirror;
    index_t row_stride, column_stride;
    unsigned *row_flags, *column_flags;
    index_t row_pitch, column_pitch;
};

#define TILE_PARAMETERS                                                                        \
    index_t rows, index_t columns, const real *x, const real *y, int d, int kind,              \
        const real *form_array, int form_width, const real *row_threshold,                     \
        const real *column_threshold, int clip, int has_self, int half, index_t offset,        \
        real *D, real *mirror, index_t row_stride, index_t column_stride, unsigned *row_flags, \
        index_t row_pitch, unsigned *column_flags, index_t column_pitch

#define TILE                                                                                   \
    Tile {                                                                                     \
        rows, columns, x, y, d, Form{kind, form_array, form_width}, row_threshold,             \
            column_threshold, clip, has_self, half, offset, D, mirror, row_stride,             \
            column_stride, row_flags, column_flags, row_pitch, column_pitch                    \
    }

// The first row and column of a block, or of a thread's entries.
struct Corner {
    index_t row, column;
};

// Blocks are counted along one axis of the grid, row by row, because the others end at 65,535.
__device__ inline Corner block_corner(const Tile& tile) {
    const index_t across = (tile.columns + BLOCK - 1) / BLOCK;
    return Corner{blockIdx.x / across * BLOCK, blockIdx.x % across * BLOCK};
}

__device__ inline Corner own_corner(Corner block) {
    const int thread = threadIdx.y * LANES + threadIdx.x;
    return Corner{block.row + thread / THREADS * 4, block.column + thread % THREADS * 4};
}

// How far a thread's row or column s lies from its first.
__device__ inline int beside(int s) { return s / 4 * HALF + s % 4; }

__device__ inline bool below_diagonal(const Tile& tile, Corner block) {
    return tile.half && block.column + BLOCK <= block.row + tile.offset;
}

// Whether all of a block lies in the tile.
__device__ inline bool is_inside(const Tile& tile, Corner block) {
    return block.row + BLOCK <= tile.rows && block.column + BLOCK <= tile.columns;
}

// Whether, beside that, none of it lies on the diagonal.
__device__ inline bool is_plain(const Tile& tile, Corner block) {
    const index_t beyond = block.column - (block.row + tile.offset);
    const bool meets = (tile.has_self || tile.half) && -BLOCK < beyond && beyond < BLOCK;
    return !meets && is_inside(tile, block);
}

// Which of a thread's entries lie in the tile, which of these are wanted, and which are self-pairs.
struct Masks {
    mask_t inside, wanted, self;
};

__device__ inline Masks masks(const Tile& tile, Corner block, Corner own) {
    if (is_plain(tile, block)) return Masks{EVERY_ENTRY, EVERY_ENTRY, 0};
    Masks found{0, 0, 0};
#pragma unroll
    for (int r = 0; r < SIDE; ++r)
#pragma unroll
        for (int c = 0; c < SIDE; ++c) {
            const index_t i = own.row + beside(r), j = own.column + beside(c);
            const index_t beyond = j - (i + tile.offset);
            if (i >= tile.rows || j >= tile.columns) continue;
            const mask_t bit = (mask_t)1 << (SIDE * r + c);
            found.inside |= bit;
            if (!tile.half || beyond >= 0) found.wanted |= bit;
            if (tile.has_self && beyond == 0) found.self |= bit;
        }
    return found;
}

// A thread's eight numbers of a column, 0 where it ends.
__device__ inline void read_column(const real* from, index_t pitch, index_t first, index_t stop,
                                   real (&to)[SIDE]) {
#pragma unroll
    for (int s = 0; s < SIDE; ++s) {
        const index_t i = first + beside(s);
        to[s] = i < stop ? from[i * pitch] : (real)0;
    }
}

__device__ inline bool in_fours(const real* first, index_t row_stride, index_t column_stride) {
    return column_stride == 1 && row_stride % 4 == 0 && (size_t)first % sizeof(Four) == 0;
}

// Write a thread's entries to a matrix from `out` on, TURNED as those of its mirror image.
template <bool TURNED>
__device__ inline void write(real* out, index_t row_stride, index_t column_stride, mask_t wanted,
                             const Entries& values) {
    if (wanted == EVERY_ENTRY && in_fours(out, row_stride, column_stride)) {
#pragma unroll
        for (int r = 0; r < SIDE; ++r)
#pragma unroll
            for (int c = 0; c < SIDE; c += 4) {
                Four four;
#pragma unroll
                for (int s = 0; s < 4; ++s)
                    four.v[s] = TURNED ? values[c + s][r] : values[r][c + s];
                *(Four*)(out + beside(r) * row_stride + beside(c)) = four;
            }
        return;
    }
#pragma unroll
    for (int r = 0; r < SIDE; ++r)
#pragma unroll
        for (int c = 0; c < SIDE; ++c)
            if (wanted >> (TURNED ? SIDE * c + r : SIDE * r + c) & 1)
                out[beside(r) * row_stride + beside(c) * column_stride] =
                    TURNED ? values[c][r] : values[r][c];
}

// The entries below their threshold; NaN, from overflow, counts as one.
__device__ inline mask_t cancelled(const Tile& tile, Corner own, const Entries& values) {
    real of_row[SIDE], of_column[SIDE];
    read_column(tile.row_threshold, 1, own.row, tile.rows, of_row);
    read_column(tile.column_threshold, 1, own.column, tile.columns, of_column);
    mask_t found = 0;
#pragma unroll
    for (int r = 0; r < SIDE; ++r)
#pragma unroll
        for (int c = 0; c < SIDE; ++c)
            if (!(fabs(values[r][c]) >= of_row[r] + of_column[c]))
                found |= (mask_t)1 << (SIDE * r + c);
    return found;
}

// Compute some entries from their raw differences, and flag them. They are few.
__device__ inline void recompute(const Tile& tile, Corner own, mask_t wanted, Entries& values) {
    for (mask_t left = wanted; left; left &= left - 1) {
        const int entry = __ffsll(left) - 1;
        const index_t i = own.row + beside(entry / SIDE), j = own.column + beside(entry % SIDE);
        const real value = direct(tile.form, tile.x + i * tile.d, tile.y + j * tile.d, tile.d);
#pragma unroll
        for (int r = 0; r < SIDE; ++r)
#pragma unroll
            for (int c = 0; c < SIDE; ++c)
                if (entry == SIDE * r + c) values[r][c] = value;
        if (!tile.row_flags) continue;
        atomicOr(tile.row_flags + i * tile.row_pitch + j / 32, 1u << j % 32);
        atomicOr(tile.column_flags + j * tile.column_pitch + i / 32, 1u << i % 32);
    }
}

__device__ inline void zero(mask_t wanted, Entries& values) {
#pragma unroll
    for (int r = 0; r < SIDE; ++r)
#pragma unroll
        for (int c = 0; c < SIDE; ++c)
            if (wanted >> (SIDE * r + c) & 1) values[r][c] = 0;
}

__device__ inline void clip(Entries& values) {
#pragma unroll
    for (int r = 0; r < SIDE; ++r)
#pragma unroll
        for (int c = 0; c < SIDE; ++c)
            if (values[r][c] < 0) values[r][c] = 0;
}

// Make a product's entries, sums included, those of D, and write them if nobody visits.
__device__ inline Masks finish(const Tile& tile, Corner block, Entries& values) {
    const Corner own = own_corner(block);
    const Masks found = masks(tile, block, own);
    if (found.self) zero(found.self, values);
    if (tile.row_threshold)
        recompute(tile, own, cancelled(tile, own, values) & found.wanted & ~found.self, values);
    else if (tile.clip)
        clip(values);
#ifndef VISITED
    const index_t down = tile.row_stride, right = tile.column_stride;
    real* out = tile.D + own.row * down + own.column * right;
    write<false>(out, down, right, found.wanted, values);
    out = tile.mirror + own.column * down + own.row * right;
    if (tile.mirror) write<true>(out, down, right, found.wanted, values);
#endif
    return found;
}
