-- Gives the addresses of all replicas that live but one. KEYS: the replicas by place. ARGV: that one, what the keys of
-- leases begin with.
local found = {}
for _, one in ipairs(redis.call('HVALS', KEYS[1])) do
  local address = one ~= ARGV[1] and redis.call('GET', ARGV[2] .. one)
  if address then found[#found + 1] = address end
end
return found
