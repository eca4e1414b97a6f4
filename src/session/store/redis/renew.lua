-- Renews a replica's lease, or begins it. Gives whether it was still held, the secret that all replicas share, and the
-- replica's number. KEYS: the lease, the secret, the counter of replicas. ARGV: the replica's address, the lease in
-- milliseconds, a secret if there is none, the replica's number (0: it has none yet).
local held = redis.call('EXISTS', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'NX')
local number = tonumber(ARGV[4])
if number == 0 then number = redis.call('INCR', KEYS[3]) end
return {held, redis.call('GET', KEYS[2]), number}
