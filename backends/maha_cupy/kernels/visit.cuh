// What a loss makes of D's entries while they are at hand, by expressions that expressions.py puts
// in front as macros:
//
//   PARAMETERS           arrays of a value for every row, or for every column, of D
//   SHARED, COPY         their parts for a block, and what copies row `row`, column `column` there
//   FIELDS               pointers to these parts, by name
//   AS_ROWS, AS_COLUMNS  the fields from `top` and `left_most` on, where a thread's entries begin;
//                        and for the mirror image, in which columns are rows
//   VALUES               declarations of the values of a pair: number `own_index` from there on for
//                        what belongs to its row, number `other_index` for what to its column
//   FOLDS, FOLD_IN       how many folds there are, and what adds a pair to `folds`
//   START, JOIN          a fold of nothing, and of two parts
//   ENTRY                what is written as the cotangent
//   MUTUAL               where points meet themselves
//
// Among themselves the pairs (i, j) and (j, i) of points have one D. An entry of the cotangent is
// then the sum of both pairs', and a column is folded as a row of the mirror image.
#pragma once
#include "tile.cuh"

#if defined FOLDS || defined ENTRY

// Where a tile lies in D, and what is written: folds (FOLDS, rows, blocks of columns) and (FOLDS,
// columns, blocks of rows), and the cotangent (rows, columns).
struct Visit {
    index_t first_row, first_column;
    double *row_folds, *column_folds;
    real* cotangent;
};

#define VISIT_PARAMETERS                                                             \
    , index_t first_row, index_t first_column, double *row_folds, double *column_folds, \
        real *cotangent PARAMETERS
#define VISIT \
    Visit { first_row, first_column, row_folds, column_folds, cotangent }
#define VISIT_NOTHING visit_nothing(tile, VISIT, block)
#define VISIT_BLOCK(values)                                                            \
    SHARED                                                                             \
    const Corner own = own_corner(block);                                              \
    const int top = own.row - block.row, left_most = own.column - block.column;        \
    const int thread = threadIdx.y * LANES + threadIdx.x;                              \
    const index_t row = first_row + within(block.row + thread, rows);                  \
    const index_t column = first_column + within(block.column + thread, columns);      \
    if (thread < BLOCK) {                                                              \
        COPY                                                                           \
    }                                                                                  \
    __syncthreads();                                                                   \
    visit_block(tile, VISIT, block, found, values, Sides{AS_ROWS}, Sides{AS_COLUMNS});

struct Sides {
    FIELDS
};

__device__ inline real infinite() { return -log((real)0); }

// As the array library's minimum: NaN wins.
template <class T>
__device__ inline T lesser(T a, T b) {
    return b < a || b != b ? b : a;
}

// What lies beyond the tile's end has the values of its last row, or column.
__device__ inline index_t within(index_t i, index_t stop) { return i < stop ? i : stop - 1; }

#ifdef FOLDS
// A thread's part of one row is folded in `real`, the parts in double: few conversions, few errors.
struct Run {
    real of[FOLDS];
    __device__ inline Run() {
#pragma unroll
        for (int f = 0; f < FOLDS; ++f) of[f] = START;
    }
};

__device__ inline void fold_in(real (&folds)[FOLDS], bool counted, real D, const Sides& sides,
                               int own_index, int other_index) {
    VALUES
    FOLD_IN
}

// Fold a thread's part of its row s, TURNED of its column s as a row of the mirror image.
template <bool TURNED>
__device__ inline Run folded(const Entries& values, mask_t counted, int s, const Sides& sides) {
    Run run;
#pragma unroll
    for (int t = 0; t < SIDE; ++t) {
        const int r = TURNED ? t : s, c = TURNED ? s : t;
        fold_in(run.of, counted >> (SIDE * r + c) & 1, values[r][c], sides, beside(s), beside(t));
    }
    return run;
}

// Where fold f of row i, and of column j, of a block lies.
__device__ inline index_t row_fold(const Tile& tile, index_t f, Corner block, index_t i) {
    const index_t across = (tile.columns + BLOCK - 1) / BLOCK;
    return (f * tile.rows + i) * across + block.column / BLOCK;
}

__device__ inline index_t column_fold(const Tile& tile, index_t f, Corner block, index_t j) {
    const index_t deep = (tile.rows + BLOCK - 1) / BLOCK;
    return (f * tile.columns + j) * deep + block.row / BLOCK;
}

// A row's threads are neighbours in half of a warp.
__device__ inline void fold_rows(const Tile& tile, const Visit& visit, Corner block,
                                 const Entries& values, mask_t counted, const Sides& sides) {
    const Corner own = own_corner(block);
#pragma unroll
    for (int s = 0; s < SIDE; ++s) {
        const Run run = folded<false>(values, counted, s, sides);
        const index_t i = own.row + beside(s);
#pragma unroll
        for (int f = 0; f < FOLDS; ++f) {
            double fold = run.of[f];
#pragma unroll
            for (int step = THREADS / 2; step; step /= 2)
                fold = JOIN(fold, __shfl_xor_sync(EVERY_LANE, fold, step));
            if (threadIdx.x % THREADS == 0 && i < tile.rows)
                visit.row_folds[row_fold(tile, f, block, i)] = fold;
        }
    }
}

// A column's threads are one of either half of every warp.
__device__ inline void fold_columns(const Tile& tile, const Visit& visit, Corner block,
                                    const Entries& values, mask_t counted, const Sides& sides) {
    __shared__ double parts[WARPS][BLOCK];
    const int thread = threadIdx.y * LANES + threadIdx.x;
    const index_t j = block.column + thread;
    Run runs[SIDE];
#pragma unroll
    for (int s = 0; s < SIDE; ++s) runs[s] = folded<true>(values, counted, s, sides);
#pragma unroll
    for (int f = 0; f < FOLDS; ++f) {
#pragma unroll
        for (int s = 0; s < SIDE; ++s) {
            double fold = runs[s].of[f];
            fold = JOIN(fold, __shfl_xor_sync(EVERY_LANE, fold, THREADS));
            if (threadIdx.x < THREADS) parts[threadIdx.y][threadIdx.x * 4 + beside(s)] = fold;
        }
        __syncthreads();
        if (thread < BLOCK && j < tile.columns) {
            double fold = parts[0][thread];
#pragma unroll
            for (int warp = 1; warp < WARPS; ++warp) fold = JOIN(fold, parts[warp][thread]);
            visit.column_folds[column_fold(tile, f, block, j)] = fold;
        }
        __syncthreads();
    }
}
#endif

#ifdef ENTRY
__device__ inline real entry(real D, const Sides& sides, int own_index, int other_index) {
    VALUES
    return (real)(ENTRY);
}

__device__ inline void write_entries(const Tile& tile, const Visit& visit, Corner block,
                                     const Entries& values, const Masks& found,
                                     const Sides& as_rows, const Sides& as_columns) {
    const Corner own = own_corner(block);
    const mask_t counted = found.wanted & ~found.self;
    Entries G;
#pragma unroll
    for (int r = 0; r < SIDE; ++r)
#pragma unroll
        for (int c = 0; c < SIDE; ++c) {
            real value = entry(values[r][c], as_rows, beside(r), beside(c));
#ifdef MUTUAL
            value += entry(values[r][c], as_columns, beside(c), beside(r));
#endif
            G[r][c] = counted >> (SIDE * r + c) & 1 ? value : (real)0;
        }
    write<false>(visit.cotangent + own.row * tile.columns + own.column, tile.columns, 1,
                 found.inside, G);
}
#endif

// Visit a block whose entries are finished.
__device__ inline void visit_block(const Tile& tile, const Visit& visit, Corner block,
                                   const Masks& found, const Entries& values,
                                   const Sides& as_rows, const Sides& as_columns) {
#ifdef FOLDS
    const mask_t counted = found.wanted & ~found.self;
    fold_rows(tile, visit, block, values, counted, as_rows);
#ifdef MUTUAL
    fold_columns(tile, visit, block, values, counted, as_columns);
#endif
#endif
#ifdef ENTRY
    write_entries(tile, visit, block, values, found, as_rows, as_columns);
#endif
}

// A block below the diagonal of a half tile has nothing to visit.
__device__ inline void visit_nothing(const Tile& tile, const Visit& visit, Corner block) {
#ifdef ENTRY
    for (index_t i = block.row + threadIdx.y; i < block.row + BLOCK && i < tile.rows; i += WARPS)
        for (int c = threadIdx.x; c < BLOCK && block.column + c < tile.columns; c += LANES)
            visit.cotangent[i * tile.columns + block.column + c] = 0;
#endif
#ifdef FOLDS
    const int thread = threadIdx.y * LANES + threadIdx.x;
    const index_t i = block.row + thread, j = block.column + thread;
    for (int f = 0; f < FOLDS && thread < BLOCK; ++f) {
        if (i < tile.rows) visit.row_folds[row_fold(tile, f, block, i)] = START;
        if (j < tile.columns) visit.column_folds[column_fold(tile, f, block, j)] = START;
    }
#endif
}
#else
#define VISIT_PARAMETERS
#define VISIT_NOTHING
#define VISIT_BLOCK(values)
#endif
