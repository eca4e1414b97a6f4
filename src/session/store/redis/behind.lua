-- Gives whether a replica that lives has not read up to a change of what belongs to no session. One that never says how far
-- it has read is of an older program, and is not waited for.
-- KEYS: the replicas by place. ARGV: the change's number, what the keys of leases begin with, and those of how far each is.
for _, one in ipairs(redis.call('HVALS', KEYS[1])) do
  local read = redis.call('EXISTS', ARGV[2] .. one) == 1 and redis.call('GET', ARGV[3] .. one)
  if read and tonumber(read) < tonumber(ARGV[1]) then return 1 end
end
return 0
