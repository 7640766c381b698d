import os; os.environ["XLA_FLAGS"]="--xla_force_host_platform_device_count=2"
import jax, jax.numpy as jnp, numpy as np, maha_core as mc, time, traceback
jax.config.update("jax_enable_x64", True)
rng=np.random.default_rng(0)
X,A,y=map(jnp.asarray,(rng.normal(size=(6,4)),rng.normal(size=(2,4)),rng.normal(size=6)))
f=lambda X,A: mc.value(mc.losses.MLKR(y),X,metric=mc.Factor(A))
def tried(name, g):
    try: print(name, "->", g())
    except Exception as e: print(name, "FAILED", type(e).__name__, str(e)[:600])
def step(A,_):
    v,g=jax.value_and_grad(f,argnums=1)(X,A); return A-0.01*g, v
tried("scan", lambda: jax.lax.scan(step,A,None,length=5)[1])
tried("jit scan", lambda: jax.jit(lambda A: jax.lax.scan(step,A,None,length=5)[1])(A))
tried("grad of scan", lambda: jax.grad(lambda A: jax.lax.scan(step,A,None,length=3)[1].sum())(A).shape)
tried("remat", lambda: jax.grad(jax.checkpoint(f),argnums=1)(X,A).shape)
tried("linearize", lambda: jax.linearize(lambda A: f(X,A),A)[1](A))
tried("metric tree", lambda: jax.jit(jax.grad(lambda m: mc.value(mc.losses.MLKR(y),X,metric=m)))(mc.Factor(A)))
tried("nan", lambda: jax.jit(f)(X.at[0,0].set(jnp.nan),A))
tried("cov", lambda: jax.jit(lambda S: mc.sqdist(X,metric=mc.Covariance(S)))(-jnp.eye(4)))
tried("cov ok", lambda: jax.jit(lambda S: mc.sqdist(X,metric=mc.Covariance(S)))(jnp.eye(4)).shape)
tried("pairs", lambda: jax.jit(lambda i: mc.sqdist(X,pairs=(i,i)))(jnp.array([0,9])))
tried("nearest", lambda: jax.jit(lambda X: mc.nearest(X,k=2))(X).index.dtype)
tried("within", lambda: jax.jit(lambda X: mc.within(X,radius=1.))(X))
tried("targets", lambda: jax.grad(lambda y: mc.value(mc.losses.MLKR(y),X))(y))
tried("targets jit", lambda: jax.jit(jax.grad(lambda y: mc.value(mc.losses.MLKR(y),X)))(y))
tried("from_points", lambda: jax.jit(lambda X: mc.sqdist(X,metric=mc.Covariance.from_points(X)))(X).shape)
tried("to_factor", lambda: jax.jit(lambda M: mc.Full(M).to_factor().parameter)(jnp.eye(3)))
tried("embed", lambda: jax.jit(lambda M: mc.Diagonal(M).embed(X))(jnp.ones(4)).shape)
tried("linear_transpose", lambda: jax.linear_transpose(lambda t: mc.jvp(X,X_tangent=t), X)(jnp.ones((6,6)))[0].shape)
tried("jvp of jvp", lambda: jax.jvp(lambda A: jax.jvp(lambda A: mc.sqdist(X,metric=mc.Factor(A)),(A,),(A,))[1],(A,),(A,)))
tried("jvp of jvp value", lambda: jax.jvp(lambda A: jax.jvp(lambda A: f(X,A),(A,),(A,))[1],(A,),(A,)))
from jax.sharding import Mesh, PartitionSpec as P
mesh=Mesh(np.array(jax.devices()),("i",))
sh=jax.jit(jax.shard_map(lambda x,y: mc.sqdist(x,y),mesh=mesh,in_specs=(P("i"),P()),out_specs=P("i")))
tried("shard_map", lambda: np.abs(np.asarray(sh(X,X))-np.asarray(mc.sqdist(X,X+0))).max())
sh2=jax.jit(jax.grad(lambda x,y: jax.shard_map(lambda x,y: mc.sqdist(x,y),mesh=mesh,in_specs=(P("i"),P()),out_specs=P("i"))(x,y).sum(),argnums=(0,1)))
tried("shard_map grad", lambda: [np.abs(np.asarray(a)-np.asarray(b)).max() for a,b in zip(sh2(X,X), jax.grad(lambda x,y: mc.sqdist(x,y).sum(),argnums=(0,1))(X,X+0))])
tried("empty", lambda: jax.jit(lambda X: mc.sqdist(X))(X[:0]).shape)
count=[]
def counted(X,A): count.append(1); return f(X,A)
j=jax.jit(jax.value_and_grad(counted)); j(X,A); j(X+1,A); print("traces",len(count))
with jax.checking_leaks(): tried("leaks", lambda: jax.jit(jax.grad(f))(X,A).shape)
def big():
    X=jnp.asarray(rng.normal(size=(3000,20))); y=jnp.asarray(rng.normal(size=3000))
    h=jax.jit(jax.value_and_grad(lambda X: mc.value(mc.losses.MLKR(y),X)))
    g=jax.jit(lambda X: (mc.sqdist(X)@X, h(X)))
    for _ in range(5): jax.block_until_ready(g(X))
    return "fine"
tried("big", big)
