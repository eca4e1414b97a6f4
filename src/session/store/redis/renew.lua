-- Renews a replica's lease, or begins it. Gives whether it was still held, and the secret that all replicas share.
-- KEYS: the lease, the secret. ARGV: the replica's address, the lease in milliseconds, a secret if there is none.
local held = redis.call('EXISTS', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'NX')
return {held, redis.call('GET', KEYS[2])}
