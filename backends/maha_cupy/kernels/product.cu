// A tile of D in one kernel: the product, the sums, the guard, and one write, or a loss's visit.
#include "copy.cuh"
#include "visit.cuh"

#define PITCH (BLOCK + 4)

#ifdef WIDE
#define STEP 8
#define BLOCKS_PER_PROCESSOR 1
#else
#define STEP 16
#define BLOCKS_PER_PROCESSOR 2
#endif

__device__ inline void read_both_halves(const real* from, real (&to)[SIDE]) {
    const Four low = *(const Four*)from, high = *(const Four*)(from + HALF);
#pragma unroll
    for (int s = 0; s < 4; ++s) {
        to[s] = low.v[s];
        to[s + 4] = high.v[s];
    }
}

// Operands of two steps, one to be read while the other arrives; afterwards a visit's.
union Shared {
    real operands[2][2][STEP][PITCH];
    Parts parts;
};

// Start to copy STEP columns of BLOCK rows, transposed, 0 where the matrix ends.
__device__ inline void load(real (&to)[STEP][PITCH], const real* from, index_t pitch,
                            index_t first, index_t rows, int start, int width) {
    const int thread = threadIdx.y * LANES + threadIdx.x, k = thread % STEP, top = thread / STEP;
    const int stop = start + k >= width ? 0 : rows - first < BLOCK ? rows - first : BLOCK;
    const real* entry = from + (first + top) * pitch + start + k;
#pragma unroll
    for (int i = 0; i < BLOCK; i += LANES * WARPS / STEP, entry += LANES * WARPS / STEP * pitch)
        start_copy(&to[k][top + i], entry, top + i < stop);
}

__device__ inline void add_products(const real (&left)[STEP][PITCH],
                                    const real (&right)[STEP][PITCH], int top, int left_most,
                                    Entries& sums) {
#pragma unroll
    for (int k = 0; k < STEP; ++k) {
        real u[SIDE], v[SIDE];
        read_both_halves(&left[k][top], u);
        read_both_halves(&right[k][left_most], v);
#pragma unroll
        for (int r = 0; r < SIDE; ++r)
#pragma unroll
            for (int c = 0; c < SIDE; ++c) sums[r][c] += u[r] * v[c];
    }
}

// left is [-2 U, a, 1] and right [V, 1, b], as `formulas.symmetric_operands` lays them out: here
// the first `width` columns are multiplied, and the sums a and b added once at the end.
__device__ inline void multiply(const real* left, const real* right, int width, const Tile& tile,
                                Corner block, Shared& shared, Entries& sums) {
    const Corner own = own_corner(block);
    const int top = own.row - block.row, left_most = own.column - block.column;
    const index_t pitch = width + 2;
    zero(EVERY_ENTRY, sums);
    for (int start = -STEP; start < width; start += STEP) {
        const int next = start + STEP, arriving = next / STEP % 2;
        if (next < width) {
            load(shared.operands[arriving][0], left, pitch, block.row, tile.rows, next, width);
            load(shared.operands[arriving][1], right, pitch, block.column, tile.columns, next,
                 width);
        }
        end_batch();
        if (start < 0) continue;
        wait_for_all_but_last();
        __syncthreads();
        add_products(shared.operands[!arriving][0], shared.operands[!arriving][1], top, left_most,
                     sums);
        __syncthreads();
    }
    real a[SIDE], b[SIDE];
    read_column(left + width, pitch, own.row, tile.rows, a);
    read_column(right + width + 1, pitch, own.column, tile.columns, b);
#pragma unroll
    for (int r = 0; r < SIDE; ++r)
#pragma unroll
        for (int c = 0; c < SIDE; ++c) sums[r][c] += a[r] + b[c];
}

extern "C" __global__ void __launch_bounds__(LANES* WARPS, BLOCKS_PER_PROCESSOR)
    maha_product(const real* left, const real* right, int width, TILE_PARAMETERS VISIT_PARAMETERS) {
    alignas(16) __shared__ Shared shared;
    const Tile tile = TILE;
    const Corner block = block_corner(tile);
    if (below_diagonal(tile, block)) {
        VISIT_NOTHING;
        return;
    }
    Entries sums;
    multiply(left, right, width, tile, block, shared, sums);
    const Masks found = finish(tile, block, sums);
    VISIT_BLOCK(sums, shared.parts)
}
