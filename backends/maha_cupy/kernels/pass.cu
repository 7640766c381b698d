// One pass over the rows of a tile of D, by expressions that fused.py puts in front as macros:
//
//   PARAMETERS      arrays of a value for every row or every column
//   ROW_VALUES      their declarations for row i, COLUMN_VALUES those for column j
//   FOLDS           how many folds there are, FOLD_IN what adds a pair to `folds`
//   START, JOIN     a fold of nothing, and of two parts
//   ENTRY           what is written over D
#include "real.cuh"

#define THREADS (LANES * WARPS)

__device__ inline real infinite() { return -log((real)0); }

// As the array library's minimum: NaN wins.
__device__ inline double lesser(double a, double b) { return b < a || b != b ? b : a; }

#ifdef FOLDS
// Join the threads' folds in a fixed order; the first thread has the result.
__device__ inline void join(double (&folds)[FOLDS], double (&parts)[FOLDS][THREADS]) {
    const int thread = threadIdx.y * LANES + threadIdx.x;
#pragma unroll
    for (int f = 0; f < FOLDS; ++f) parts[f][thread] = folds[f];
    __syncthreads();
    if (thread < LANES) {
#pragma unroll
        for (int f = 0; f < FOLDS; ++f) {
            double joined = parts[f][thread];
            for (int other = thread + LANES; other < THREADS; other += LANES)
                joined = JOIN(joined, parts[f][other]);
            parts[f][thread] = joined;
        }
    }
    __syncthreads();
    if (thread) return;
#pragma unroll
    for (int f = 0; f < FOLDS; ++f) {
        folds[f] = parts[f][0];
        for (int other = 1; other < LANES; ++other) folds[f] = JOIN(folds[f], parts[f][other]);
    }
}
#endif

// A block takes a segment of a row, and folds it. Self-pairs lie at (i, i + offset); their entry is 0.
extern "C" __global__ void __launch_bounds__(THREADS)
    maha_pass(real* tile, index_t columns, index_t segment, int has_self, index_t offset,
              real* folded PARAMETERS) {
    const index_t i = blockIdx.x, start = blockIdx.y * segment;
    const index_t stop = start + segment < columns ? start + segment : columns;
    const int thread = threadIdx.y * LANES + threadIdx.x;
    real* row = tile + i * columns;
    ROW_VALUES
#ifdef FOLDS
    __shared__ double parts[FOLDS][THREADS];
    double folds[FOLDS];
#pragma unroll
    for (int f = 0; f < FOLDS; ++f) folds[f] = START;
#endif
#pragma unroll 4
    for (index_t j = start + thread; j < stop; j += THREADS) {
        const real D = row[j];
        const bool self = has_self && j == i + offset;
        COLUMN_VALUES
#ifdef FOLDS
        if (!self) {
            FOLD_IN
        }
#endif
#ifdef ENTRY
        row[j] = self ? (real)0 : (real)(ENTRY);
#endif
    }
#ifdef FOLDS
    join(folds, parts);
    if (thread) return;
#pragma unroll
    for (int f = 0; f < FOLDS; ++f)
        folded[(f * (index_t)gridDim.x + i) * gridDim.y + blockIdx.y] = (real)folds[f];
#endif
}
