-- Puts a row in the place of another one that is as it was seen, and tells all replicas. Gives whether it was.
-- KEYS: the rows. ARGV: the field, the value seen, the new one (empty: none), the channel for news, the news.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1
