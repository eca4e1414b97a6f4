-- Renews a replica's lease, or begins it. Gives whether it was still held, the secret that all replicas share, the
-- replica's place among them, the counting of events, the number of the last one, how long they are still watched, and the
-- number of the last change of what belongs to no session.
-- KEYS: the lease, the secret, the replicas by place, what is known of events, whether somebody watches them, what
-- belongs to no session, how far this replica has read of it. ARGV: the
-- replica, what the keys of leases begin with, its address, the lease in milliseconds, a secret and a name for a counting
-- of events if there are none, its place (0: it has none yet), how many places there are, how far it has read.
local held = redis.call('EXISTS', KEYS[1])
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
redis.call('SET', KEYS[2], ARGV[5], 'NX')
redis.call('HSETNX', KEYS[4], 'epoch', ARGV[6])
local place = ARGV[7]
if redis.call('HGET', KEYS[3], place) ~= ARGV[1] then
  for one = 1, tonumber(ARGV[8]) do
    place = one
    local other = redis.call('HGET', KEYS[3], one)
    if not other or redis.call('EXISTS', ARGV[2] .. other) == 0 then break end
  end
  redis.call('HSET', KEYS[3], place, ARGV[1])
end
local last = tonumber(redis.call('HGET', KEYS[4], 'last') or 0)
-- What it has said since it asked counts.
local read = math.max(tonumber(redis.call('GET', KEYS[7]) or 0), tonumber(ARGV[9]))
redis.call('SET', KEYS[7], read, 'PX', 2 * tonumber(ARGV[4]))
local number = tonumber(redis.call('HGET', KEYS[6], '#number') or 0)
return {held, redis.call('GET', KEYS[2]), tonumber(place), redis.call('HGET', KEYS[4], 'epoch'), last, math.max(0, redis.call('PTTL', KEYS[5])), number}
