// What a matrix product leaves to be done on a tile of D: self-pairs, guard or clip, mirror image.
#include "tile.cuh"

// It reads and writes; many blocks at a time hide how long a read takes.
#define BLOCKS_PER_PROCESSOR 4

// P is the whole product, sums included; D may be P itself.
extern "C" __global__ void __launch_bounds__(LANES* WARPS, BLOCKS_PER_PROCESSOR)
    maha_epilogue(const real* P, index_t pitch, TILE_PARAMETERS) {
    __shared__ real slab[SLAB_ROWS][PITCH];
    __shared__ unsigned flagged[SLAB_ROWS][SLAB_WORDS];
    const Tile tile = TILE;
    const Corner at = corner(tile, SLAB_ROWS, SLAB_COLUMNS);
    if (below_diagonal(tile, at, SLAB_COLUMNS)) return;
    for (int r = threadIdx.y; r < SLAB_ROWS; r += WARPS) {
#pragma unroll
        for (int c = threadIdx.x; c < SLAB_COLUMNS; c += LANES) {
            const index_t i = at.row + r, j = at.column + c;
            slab[r][c] = i < rows && j < columns ? P[i * pitch + j] : (real)0;
        }
    }
    finish(tile, at, slab, flagged);
}
