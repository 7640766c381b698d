import jax, jax.numpy as jnp, numpy as np, maha_core as mc, time
jax.config.update("jax_enable_x64", True)
rng=np.random.default_rng(0)
X,A,y=map(jnp.asarray,(rng.normal(size=(6,4)),rng.normal(size=(2,4)),rng.normal(size=6)))
f=lambda X,A: mc.value(mc.losses.MLKR(y),jnp.asarray(X),metric=mc.Factor(jnp.asarray(A)))
print(f(X,A), jax.jit(f)(X,A))
print(jax.grad(f,argnums=(0,1))(X,A)[1]); print(jax.jit(jax.grad(f,argnums=(0,1)))(X,A)[1])
from jax.test_util import check_grads
check_grads(f,(X,A),order=1,modes=["fwd","rev"]); check_grads(f,(X,A),order=2,modes=["rev"])
print("ok loss"); 
g=lambda X,A: mc.sqdist(jnp.asarray(X),metric=mc.Factor(jnp.asarray(A)))
check_grads(g,(X,A),order=1,modes=["fwd","rev"]); check_grads(g,(X,A),order=2,modes=["rev"])
check_grads(jax.jit(g),(X,A),order=1,modes=["fwd","rev"]); check_grads(jax.jit(g),(X,A),order=2,modes=["rev"])
print(jax.vmap(f)(jnp.stack([X]*3),jnp.stack([A]*3)), jax.jit(jax.vmap(f))(jnp.stack([X]*3),jnp.stack([A]*3)))
print(jax.hessian(f,argnums=1)(X,A).shape, jax.jit(jax.hessian(f,argnums=1))(X,A).shape)
