-- Makes a replica the owner of a session unless another one that lives owns it. Gives the owner's address, or the
-- ownership's number and all that the session owns, or nothing when the replica's own lease has ended.
-- KEYS: the session, the counter of ownerships. ARGV: the replica, what the keys of leases begin with, the session's
-- time to live in milliseconds.
local owner = redis.call('HGET', KEYS[1], '#owner')
if owner and owner ~= ARGV[1] then
  local address = redis.call('GET', ARGV[2] .. owner)
  if address then return {0, address, {}} end
end
if redis.call('EXISTS', ARGV[2] .. ARGV[1]) == 0 then return {2, '', {}} end
local epoch = redis.call('INCR', KEYS[2])
redis.call('HSET', KEYS[1], '#owner', ARGV[1], '#epoch', epoch)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {1, tostring(epoch), redis.call('HGETALL', KEYS[1])}
