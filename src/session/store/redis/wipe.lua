-- Forgets the sessions that no replica owns, a part of all keys at a time. Gives where the next part begins; 0 = that was all.
-- ARGV: where this part begins, what the keys of sessions look like, how many keys it has about, what the keys of leases
-- begin with.
local part = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
for _, key in ipairs(part[2]) do
  local owner = redis.call('HGET', key, '#owner')
  if not owner or redis.call('EXISTS', ARGV[4] .. owner) == 0 then redis.call('DEL', key) end
end
return part[1]
