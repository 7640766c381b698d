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

// `formulas.symmetric_operands`: left = [-2 U, a, 1], right = [V, 1, a], a_i = u_i . v_i.
extern "C" __global__ void maha_operands(const real* U, const real* V, index_t rows, int t,
                                         real* left, real* right, real* a) {
    const index_t i = (index_t)blockIdx.x * WARPS + threadIdx.y, pitch = t + 2;
    if (i >= rows) return;
    double sum = 0;
    for (int l = threadIdx.x; l < t; l += LANES) {
        const real u = U[i * t + l], v = V[i * t + l];
        left[i * pitch + l] = -2 * u;
        right[i * pitch + l] = v;
        sum += (double)u * v;
    }
    for (int step = LANES / 2; step; step /= 2) sum += __shfl_xor_sync(EVERY_LANE, sum, step);
    if (threadIdx.x) return;
    a[i] = left[i * pitch + t] = right[i * pitch + t + 1] = (real)sum;
    left[i * pitch + t + 1] = right[i * pitch + t] = 1;
}

// values[i, i + offset] = fill.
extern "C" __global__ void maha_fill_diagonal(real* values, index_t rows, index_t columns,
                                              index_t row_stride, index_t column_stride,
                                              index_t offset, real fill) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x, j = i + offset;
    if (i < rows && j >= 0 && j < columns) values[i * row_stride + j * column_stride] = fill;
}
