// What a matrix product leaves to be done on a tile of D: self-pairs, guard or clip, mirror image,
// and a loss's visit.
#include "visit.cuh"

#ifdef WIDE
#define BLOCKS_PER_PROCESSOR 1
#else
#define BLOCKS_PER_PROCESSOR 2
#endif

__device__ inline void read(const Tile& tile, const real* P, index_t pitch, Corner block,
                            Entries& to) {
    const Corner own = own_corner(block);
    const real* first = P + own.row * pitch + own.column;
    if (is_inside(tile, block) && in_fours(first, pitch, 1)) {
#pragma unroll
        for (int r = 0; r < SIDE; ++r)
#pragma unroll
            for (int c = 0; c < SIDE; c += 4) {
                const Four four = *(const Four*)(first + beside(r) * pitch + beside(c));
#pragma unroll
                for (int s = 0; s < 4; ++s) to[r][c + s] = four.v[s];
            }
        return;
    }
#pragma unroll
    for (int r = 0; r < SIDE; ++r)
#pragma unroll
        for (int c = 0; c < SIDE; ++c) {
            const bool there =
                own.row + beside(r) < tile.rows && own.column + beside(c) < tile.columns;
            to[r][c] = there ? first[beside(r) * pitch + beside(c)] : (real)0;
        }
}

// P is the whole product, sums included; D, or the cotangent, may be P itself.
extern "C" __global__ void __launch_bounds__(LANES* WARPS, BLOCKS_PER_PROCESSOR)
    maha_epilogue(const real* P, index_t pitch, TILE_PARAMETERS VISIT_PARAMETERS) {
    __shared__ Parts parts;
    const Tile tile = TILE;
    const Corner block = block_corner(tile);
    if (below_diagonal(tile, block)) {
        VISIT_NOTHING;
        return;
    }
    Entries values;
    read(tile, P, pitch, block, values);
    const Masks found = finish(tile, block, values);
    VISIT_BLOCK(values, parts)
}
