-- Gives the counting of events, the number of the last one, those after one that are kept, and all that waits for people.
-- KEYS: the events, what is known of them, what waits. ARGV: the number of that one, the counting it belongs to.
local epoch, last = redis.call('HGET', KEYS[2], 'epoch') or '', tonumber(redis.call('HGET', KEYS[2], 'last') or 0)
local from = 1
if epoch == ARGV[2] then from = tonumber(ARGV[1]) + 1 end
local missed = {}
for _, event in ipairs(redis.call('XRANGE', KEYS[1], from .. '-0', '+')) do
  missed[#missed + 1] = {tonumber(string.match(event[1], '^%d+')), event[2][2]}
end
return {epoch, last, missed, redis.call('HVALS', KEYS[3])}
