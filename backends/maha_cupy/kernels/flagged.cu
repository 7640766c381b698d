// The flagged pairs' part of a gradient, from the raw differences delta_ij = x_i - y_j.
//
// Flags are bits: entry (i, j) is bit j % 8 of byte j / 8 of row i, rows of whole 8-byte words.
// Everything is summed in double and in ascending order, so that no host need know the pairs.
#include "real.cuh"

#define LANES 32
#define WARPS 8

typedef unsigned long long word_t;

__device__ inline word_t flags_of(const unsigned char* flags, index_t pitch, index_t i, index_t w) {
    return ((const word_t*)(flags + i * pitch))[w];
}

// sums_i = sum_j G_ij (x_i - y_j)  (rows, d).
extern "C" __global__ void maha_sums(const unsigned char* flags, index_t pitch, const real* G,
                                     index_t row_stride, index_t column_stride, const real* x,
                                     const real* y, int d, index_t rows, double* sums) {
    const index_t i = (index_t)blockIdx.x * WARPS + threadIdx.y;
    const int l = blockIdx.y * LANES + threadIdx.x;
    if (i >= rows || l >= d) return;
    double sum = 0;
    for (index_t w = 0; w < pitch / 8; ++w) {
        for (word_t left = flags_of(flags, pitch, i, w); left; left &= left - 1) {
            const index_t j = w * 64 + __ffsll(left) - 1;
            const double g = G[i * row_stride + j * column_stride];
            sum += g * ((double)x[i * d + l] - (double)y[j * d + l]);
        }
    }
    sums[i * d + l] = sum;
}

// moments_p = sum over the rows i of part p, and j, of G_ij delta_ij delta_ij^T  (parts, d, d).
extern "C" __global__ void maha_moments(const unsigned char* flags, index_t pitch, const real* G,
                                        index_t row_stride, index_t column_stride, const real* x,
                                        const real* y, int d, index_t rows, index_t rows_per_part,
                                        double* moments) {
    const int k = blockIdx.x * LANES + threadIdx.x;
    const int first = blockIdx.y * LANES + threadIdx.y;
    const index_t start = (index_t)blockIdx.z * rows_per_part;
    const index_t stop = start + rows_per_part < rows ? start + rows_per_part : rows;
    double sums[LANES / WARPS] = {};
    for (index_t i = start; i < stop; ++i) {
        for (index_t w = 0; w < pitch / 8; ++w) {
            for (word_t left = flags_of(flags, pitch, i, w); left; left &= left - 1) {
                const index_t j = w * 64 + __ffsll(left) - 1;
                if (k >= d) continue;
                const double g = G[i * row_stride + j * column_stride];
                const double u = g * ((double)x[i * d + k] - (double)y[j * d + k]);
                for (int s = 0, l = first; s < LANES / WARPS && l < d; ++s, l += WARPS)
                    sums[s] += u * ((double)x[i * d + l] - (double)y[j * d + l]);
            }
        }
    }
    if (k >= d) return;
    for (int s = 0, l = first; s < LANES / WARPS && l < d; ++s, l += WARPS)
        moments[((index_t)blockIdx.z * d + k) * d + l] = sums[s];
}

// kept = G with 0 for the flagged entries.
extern "C" __global__ void maha_without(const unsigned char* flags, index_t pitch, const real* G,
                                        index_t row_stride, index_t column_stride, index_t rows,
                                        index_t columns, real* kept) {
    const index_t j = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= columns) return;
    for (index_t i = blockIdx.y; i < rows; i += gridDim.y) {
        const bool flagged = flags[i * pitch + j / 8] >> (j % 8) & 1;
        kept[i * columns + j] = flagged ? (real)0 : G[i * row_stride + j * column_stride];
    }
}
