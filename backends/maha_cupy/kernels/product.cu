// A tile of D in one kernel: the product, the sums, the guard, and one write.
#include "tile.cuh"

// A block makes BLOCK x BLOCK entries; thread (x, y) of its THREADS x THREADS those of the rows
// 4 y ... 4 y + 3 of either half of the block, against the columns 4 x ... 4 x + 3 of either half.
#define THREADS 16
#define BLOCK SLAB_COLUMNS
#define HALF (BLOCK / 2)
#define SIDE 8
#define STEP 16

#ifdef WIDE
#define BLOCKS_PER_PROCESSOR 1
#else
#define BLOCKS_PER_PROCESSOR 2
#endif

// Neighbours, so that they are read and written together.
struct alignas(16) Four {
    real v[4];
};

// Both operands while the product is made, afterwards slabs of it.
union Shared {
    real operands[2][STEP][PITCH];
    real slab[SLAB_ROWS][PITCH];
};

__device__ inline void read_both_halves(const real* from, real (&to)[SIDE]) {
    const Four low = *(const Four*)from, high = *(const Four*)(from + HALF);
#pragma unroll
    for (int s = 0; s < 4; ++s) {
        to[s] = low.v[s];
        to[s + 4] = high.v[s];
    }
}

__device__ inline void write_both_halves(const real (&from)[SIDE], real* to) {
    *(Four*)to = Four{from[0], from[1], from[2], from[3]};
    *(Four*)(to + HALF) = Four{from[4], from[5], from[6], from[7]};
}

// Copy STEP columns of BLOCK rows, transposed, 0 where the matrix ends.
__device__ inline void load(real (&to)[STEP][PITCH], const real* from, index_t pitch,
                            index_t first, index_t rows, int start, int width) {
    const int thread = threadIdx.y * LANES + threadIdx.x, k = thread % STEP, top = thread / STEP;
    const int stop = start + k >= width ? 0 : rows - first < BLOCK ? rows - first : BLOCK;
    const real* entry = from + (first + top) * pitch + start + k;
#pragma unroll
    for (int i = 0; i < BLOCK; i += LANES * WARPS / STEP, entry += LANES * WARPS / STEP * pitch)
        to[k][top + i] = top + i < stop ? *entry : (real)0;
}

// The column that stands for a sum or for 1, at this thread's rows of an operand.
__device__ inline void read_column(const real* from, index_t pitch, index_t first, index_t rows,
                                   real (&to)[SIDE]) {
#pragma unroll
    for (int s = 0; s < SIDE; ++s) {
        const index_t i = first + s / 4 * HALF + s % 4;
        to[s] = i < rows ? from[i * pitch] : (real)0;
    }
}

// left is [-2 U, a, 1] and right [V, 1, b], as `formulas.symmetric_left` lays them out: here the
// first `width` columns are multiplied, and the sums a and b added once at the end.
extern "C" __global__ void __launch_bounds__(LANES* WARPS, BLOCKS_PER_PROCESSOR)
    maha_product(const real* left, const real* right, int width, TILE_PARAMETERS) {
    alignas(16) __shared__ Shared shared;
    __shared__ unsigned flagged[SLAB_ROWS][SLAB_WORDS];
    const Tile tile = TILE;
    const Corner at = corner(tile, BLOCK, BLOCK);
    if (below_diagonal(tile, at, BLOCK)) return;
    const int thread = threadIdx.y * LANES + threadIdx.x;
    const int own_row = thread / THREADS * 4, own_column = thread % THREADS * 4;
    const index_t pitch = width + 2;
    real sums[SIDE][SIDE] = {};
    for (int start = 0; start < width; start += STEP) {
        load(shared.operands[0], left, pitch, at.row, rows, start, width);
        load(shared.operands[1], right, pitch, at.column, columns, start, width);
        __syncthreads();
#pragma unroll
        for (int k = 0; k < STEP; ++k) {
            real u[SIDE], v[SIDE];
            read_both_halves(&shared.operands[0][k][own_row], u);
            read_both_halves(&shared.operands[1][k][own_column], v);
#pragma unroll
            for (int r = 0; r < SIDE; ++r)
#pragma unroll
                for (int c = 0; c < SIDE; ++c) sums[r][c] += u[r] * v[c];
        }
        __syncthreads();
    }
    real a[SIDE], b[SIDE];
    read_column(left + width, pitch, at.row + own_row, rows, a);
    read_column(right + width + 1, pitch, at.column + own_column, columns, b);
#pragma unroll
    for (int r = 0; r < SIDE; ++r)
#pragma unroll
        for (int c = 0; c < SIDE; ++c) sums[r][c] += a[r] + b[c];
    // A slab's rows belong to half of the threads, and either half of their sums has a loop of its
    // own: sums at a computed index would not stay in registers.
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        for (int part = 0; part < HALF; part += SLAB_ROWS) {
            if (own_row / SLAB_ROWS * SLAB_ROWS == part)
#pragma unroll
                for (int r = 0; r < 4; ++r)
                    write_both_halves(sums[half * 4 + r],
                                      &shared.slab[own_row % SLAB_ROWS + r][own_column]);
            finish(tile, Corner{at.row + half * HALF + part, at.column}, shared.slab, flagged);
            __syncthreads();
        }
    }
}
