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
//   SUMS, ADD            how many sums of a row there are, and what adds a pair to `sums`
//   EXPONENT             what a block's part of a row has its `smallest` of, for ADD to refer to
//   ENTRY                what is written as the cotangent
//   MUTUAL               where points meet themselves
//
// Among themselves the pairs (i, j) and (j, i) of points have one D. An entry of the cotangent is
// then the sum of both pairs', and a column is summed as a row of the mirror image.
#pragma once
#include "tile.cuh"

// A number of every column for each warp, where columns are summed.
typedef double Parts[WARPS][BLOCK];

#ifdef VISITED

// Where a tile lies in D, and what is written: the sums, and after them the smallest exponents, of
// rows (., rows, blocks of columns) and of columns (., columns, blocks of rows), and the cotangent
// (rows, columns).
struct Visit {
    index_t first_row, first_column;
    double *row_sums, *column_sums;
    real* cotangent;
};

#define VISIT_PARAMETERS                                                             \
    , index_t first_row, index_t first_column, double *row_sums, double *column_sums, \
        real *cotangent PARAMETERS
#define VISIT \
    Visit { first_row, first_column, row_sums, column_sums, cotangent }
#define VISIT_NOTHING visit_nothing(tile, VISIT, block)
#define VISIT_BLOCK(values, parts)                                                     \
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
    visit_block(tile, VISIT, block, found, values, Sides{AS_ROWS}, Sides{AS_COLUMNS}, parts);

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

#ifdef SUMS
#ifdef EXPONENT
#define WRITTEN (SUMS + 1)

__device__ inline real exponent(real D, const Sides& sides, int own_index, int other_index) {
    VALUES
    return (real)(EXPONENT);
}

// The smallest exponent of a thread's part of its row s, TURNED of its column s.
template <bool TURNED>
__device__ inline real least(const Entries& values, mask_t counted, int s, const Sides& sides) {
    real found = infinite();
#pragma unroll
    for (int t = 0; t < SIDE; ++t) {
        const int r = TURNED ? t : s, c = TURNED ? s : t;
        const real next = lesser(found, exponent(values[r][c], sides, beside(s), beside(t)));
        found = counted >> (SIDE * r + c) & 1 ? next : found;
    }
    return found;
}

// Where all exponents are infinite, nothing is to be subtracted from.
__device__ inline real unless_infinite(real smallest) { return isinf(smallest) ? (real)0 : smallest; }
#else
#define WRITTEN SUMS
#endif

// A thread's part of one row is added in `real`, the parts in double: few conversions, few errors.
struct Run {
    real of[SUMS] = {};
};

__device__ inline void add(real (&sums)[SUMS], bool counted, real D, real smallest,
                           const Sides& sides, int own_index, int other_index) {
    VALUES
    ADD
}

template <bool TURNED>
__device__ inline Run added(const Entries& values, mask_t counted, int s, real smallest,
                            const Sides& sides) {
    Run run;
#pragma unroll
    for (int t = 0; t < SIDE; ++t) {
        const int r = TURNED ? t : s, c = TURNED ? s : t;
        add(run.of, counted >> (SIDE * r + c) & 1, values[r][c], smallest, sides, beside(s),
            beside(t));
    }
    return run;
}

// Where number f of row i, and of column j, of a block lies.
__device__ inline double& of_row(const Tile& tile, const Visit& visit, Corner block, index_t f,
                                 index_t i) {
    const index_t across = (tile.columns + BLOCK - 1) / BLOCK;
    return visit.row_sums[(f * tile.rows + i) * across + block.column / BLOCK];
}

__device__ inline double& of_column(const Tile& tile, const Visit& visit, Corner block, index_t f,
                                    index_t j) {
    const index_t deep = (tile.rows + BLOCK - 1) / BLOCK;
    return visit.column_sums[(f * tile.columns + j) * deep + block.row / BLOCK];
}

// A row's threads are neighbours in half of a warp.
__device__ inline void sum_rows(const Tile& tile, const Visit& visit, Corner block,
                                const Entries& values, mask_t counted, const Sides& sides) {
    const Corner own = own_corner(block);
#pragma unroll
    for (int s = 0; s < SIDE; ++s) {
        const index_t i = own.row + beside(s);
        const bool writes = threadIdx.x % THREADS == 0 && i < tile.rows;
        real smallest = 0;
#ifdef EXPONENT
        smallest = least<false>(values, counted, s, sides);
#pragma unroll
        for (int step = THREADS / 2; step; step /= 2)
            smallest = lesser(smallest, __shfl_xor_sync(EVERY_LANE, smallest, step));
        if (writes) of_row(tile, visit, block, SUMS, i) = smallest;
        smallest = unless_infinite(smallest);
#endif
        const Run run = added<false>(values, counted, s, smallest, sides);
#pragma unroll
        for (int f = 0; f < SUMS; ++f) {
            double sum = run.of[f];
#pragma unroll
            for (int step = THREADS / 2; step; step /= 2)
                sum += __shfl_xor_sync(EVERY_LANE, sum, step);
            if (writes) of_row(tile, visit, block, f, i) = sum;
        }
    }
}

// A column's threads are one of either half of every warp.
__device__ inline void sum_columns(const Tile& tile, const Visit& visit, Corner block,
                                   const Entries& values, mask_t counted, const Sides& sides,
                                   Parts& parts) {
    const int thread = threadIdx.y * LANES + threadIdx.x, first = threadIdx.x % THREADS * 4;
    const index_t j = block.column + thread;
    const bool writes = thread < BLOCK && j < tile.columns, first_half = threadIdx.x < THREADS;
    real smallest[SIDE] = {};
#ifdef EXPONENT
#pragma unroll
    for (int s = 0; s < SIDE; ++s) {
        real found = least<true>(values, counted, s, sides);
        found = lesser(found, __shfl_xor_sync(EVERY_LANE, found, THREADS));
        if (first_half) parts[threadIdx.y][first + beside(s)] = found;
    }
    __syncthreads();
    if (thread < BLOCK) {
        double found = parts[0][thread];
#pragma unroll
        for (int warp = 1; warp < WARPS; ++warp) found = lesser(found, parts[warp][thread]);
        parts[0][thread] = found;
        if (writes) of_column(tile, visit, block, SUMS, j) = found;
    }
    __syncthreads();
#pragma unroll
    for (int s = 0; s < SIDE; ++s) smallest[s] = unless_infinite((real)parts[0][first + beside(s)]);
    __syncthreads();
#endif
    Run runs[SIDE];
#pragma unroll
    for (int s = 0; s < SIDE; ++s)
        runs[s] = added<true>(values, counted, s, smallest[s], sides);
#pragma unroll
    for (int f = 0; f < SUMS; ++f) {
#pragma unroll
        for (int s = 0; s < SIDE; ++s) {
            double sum = runs[s].of[f];
            sum += __shfl_xor_sync(EVERY_LANE, sum, THREADS);
            if (first_half) parts[threadIdx.y][first + beside(s)] = sum;
        }
        __syncthreads();
        if (writes) {
            double sum = parts[0][thread];
#pragma unroll
            for (int warp = 1; warp < WARPS; ++warp) sum += parts[warp][thread];
            of_column(tile, visit, block, f, j) = sum;
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

// Hide from the compiler what it has computed of the entries: it would keep 64 exponentials of each
// thread for the next reader, in memory.
__device__ inline void forget(Entries& values) {
#ifdef __CUDA_ARCH__
#pragma unroll
    for (int r = 0; r < SIDE; ++r)
#pragma unroll
        for (int c = 0; c < SIDE; ++c)
#ifdef WIDE
            asm volatile("" : "+d"(values[r][c]));
#else
            asm volatile("" : "+f"(values[r][c]));
#endif
#endif
}

// Visit a block whose entries are finished.
__device__ inline void visit_block(const Tile& tile, const Visit& visit, Corner block,
                                   const Masks& found, Entries& values, const Sides& as_rows,
                                   const Sides& as_columns, Parts& parts) {
#ifdef SUMS
    const mask_t counted = found.wanted & ~found.self;
    sum_rows(tile, visit, block, values, counted, as_rows);
#ifdef MUTUAL
    forget(values);
    sum_columns(tile, visit, block, values, counted, as_columns, parts);
#endif
#endif
#ifdef ENTRY
    forget(values);
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
#ifdef SUMS
    const int thread = threadIdx.y * LANES + threadIdx.x;
    const index_t i = block.row + thread, j = block.column + thread;
    for (int f = 0; f < WRITTEN && thread < BLOCK; ++f) {
        const real nothing = f < SUMS ? (real)0 : infinite();
        if (i < tile.rows) of_row(tile, visit, block, f, i) = nothing;
        if (j < tile.columns) of_column(tile, visit, block, f, j) = nothing;
    }
#endif
}
#else
#define VISIT_PARAMETERS
#define VISIT_NOTHING
#define VISIT_BLOCK(values, parts)
#endif
