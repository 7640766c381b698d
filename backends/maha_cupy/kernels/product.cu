// A tile of D in one kernel: the product, the sums, the guard, and one write.
#include "tile.cuh"

#define THREADS 16
#define BLOCK (THREADS * SIDE)
#define STEP 16
#define PAD 4

// What lies between the reads of one thread, so that they are made four at a time.
struct alignas(16) Four {
    real v[4];
};

__device__ inline void read_eight(const real* from, real (&to)[SIDE]) {
    const Four low = *(const Four*)from, high = *(const Four*)(from + 4);
#pragma unroll
    for (int s = 0; s < 4; ++s) {
        to[s] = low.v[s];
        to[s + 4] = high.v[s];
    }
}

// Copy STEP columns of BLOCK rows, transposed, 0 where the matrix ends.
__device__ inline void load(real (&to)[STEP][BLOCK + PAD], const real* from, index_t pitch,
                            index_t first, index_t rows, int start, int width) {
    const int thread = threadIdx.y * THREADS + threadIdx.x;
    for (int e = thread; e < STEP * BLOCK; e += THREADS * THREADS) {
        const int k = e % STEP, i = e / STEP;
        const bool inside = first + i < rows && start + k < width;
        to[k][i] = inside ? from[(first + i) * pitch + start + k] : (real)0;
    }
}

// left is [-2 U, a, 1] and right [V, 1, b], as `formulas.symmetric_left` lays them out: here the
// first `width` columns are multiplied, and the sums a and b added once at the end.
extern "C" __global__ void __launch_bounds__(THREADS* THREADS)
    maha_product(const real* left, const real* right, int width, TILE_PARAMETERS) {
    alignas(16) __shared__ real a[STEP][BLOCK + PAD];
    alignas(16) __shared__ real b[STEP][BLOCK + PAD];
    const index_t row = (index_t)blockIdx.y * BLOCK, column = (index_t)blockIdx.x * BLOCK;
    if (half && row >= column + BLOCK) return;
    const index_t pitch = width + 2;
    real sums[SIDE][SIDE] = {};
    for (int start = 0; start < width; start += STEP) {
        load(a, left, pitch, row, rows, start, width);
        load(b, right, pitch, column, columns, start, width);
        __syncthreads();
#pragma unroll
        for (int k = 0; k < STEP; ++k) {
            real u[SIDE], v[SIDE];
            read_eight(&a[k][threadIdx.y * SIDE], u);
            read_eight(&b[k][threadIdx.x * SIDE], v);
#pragma unroll
            for (int r = 0; r < SIDE; ++r)
#pragma unroll
                for (int c = 0; c < SIDE; ++c) sums[r][c] += u[r] * v[c];
        }
        __syncthreads();
    }
    const index_t i = row + threadIdx.y * SIDE, j = column + threadIdx.x * SIDE;
    for (int r = 0; r < SIDE; ++r)
        for (int c = 0; c < SIDE; ++c)
            if (i + r < rows && j + c < columns)
                sums[r][c] += left[(i + r) * pitch + width] + right[(j + c) * pitch + width + 1];
    finish(TILE, i, j, sums);
}
