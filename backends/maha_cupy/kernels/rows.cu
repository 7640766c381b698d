// Small work on rows and diagonals, for which the array library would move a whole matrix.
#include "real.cuh"

// total_i = the sum of values[order[p]] for start[i] <= p < start[i + 1], in that order  (rows, t).
extern "C" __global__ void maha_row_sums(const real* values, const index_t* order,
                                         const index_t* start, index_t rows, int t, real* total) {
    const index_t i = (index_t)blockIdx.x * WARPS + threadIdx.y;
    const int l = blockIdx.y * LANES + threadIdx.x;
    if (i >= rows || l >= t) return;
    double sum = 0;
    for (index_t p = start[i]; p < start[i + 1]; ++p) sum += values[order[p] * t + l];
    total[i * t + l] = (real)sum;
}

// values[i, i + offset] = fill.
extern "C" __global__ void maha_fill_diagonal(real* values, index_t rows, index_t columns,
                                              index_t row_stride, index_t column_stride,
                                              index_t offset, real fill) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x, j = i + offset;
    if (i < rows && j >= 0 && j < columns) values[i * row_stride + j * column_stride] = fill;
}
