// The floating-point type that a module is compiled for: float, or double with -DWIDE.
#pragma once

#ifdef WIDE
typedef double real;
#define EPS 2.220446049250313e-16
#else
typedef float real;
#define EPS 1.1920929e-7f
#endif

typedef long long index_t;

// Threads of a block: warps of lanes, lane by lane along x.
#define LANES 32
#define WARPS 8
#define EVERY_LANE 0xffffffffu
