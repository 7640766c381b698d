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
