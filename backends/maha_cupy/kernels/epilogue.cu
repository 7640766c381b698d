// What a matrix product leaves to be done on a tile of D: self-pairs, guard or clip, mirror image.
#include "tile.cuh"

#define COLUMNS 16
#define ROWS 16

// P is the whole product, sums included; D may be P itself.
extern "C" __global__ void __launch_bounds__(COLUMNS* ROWS)
    maha_epilogue(const real* P, index_t pitch, TILE_PARAMETERS) {
    const index_t i = ((index_t)blockIdx.y * ROWS + threadIdx.y) * SIDE;
    const index_t j = ((index_t)blockIdx.x * COLUMNS + threadIdx.x) * SIDE;
    if (i >= rows || j >= columns || (half && i >= j + SIDE)) return;
    real values[SIDE][SIDE];
#pragma unroll
    for (int r = 0; r < SIDE; ++r)
#pragma unroll
        for (int c = 0; c < SIDE; ++c)
            values[r][c] = i + r < rows && j + c < columns ? P[(i + r) * pitch + j + c] : (real)0;
    finish(TILE, i, j, values);
}
