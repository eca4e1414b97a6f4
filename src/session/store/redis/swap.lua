-- Puts a row in the place of another one that is as it was seen, and tells all replicas the change's number. Gives whether
-- it was.
-- KEYS: the rows. ARGV: the field, the value seen, the new one (empty: none), the channel for news.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
redis.call('HSETNX', KEYS[1], '#number', redis.call('TIME')[1] .. '000')
redis.call('PUBLISH', ARGV[4], redis.call('HINCRBY', KEYS[1], '#number', 1))
return 1
