import { createHash } from "node:crypto";

/**
 * What Redis runs: a batch of items in order, by its own clock, all of it at once. It is algorithms.ts and decide-take.ts again,
 * step by step: doubles are the same numbers in both, so what they come to is the same.
 *
 * KEYS are the counters of all items, one after the other; equal ones are one counter. ARGV[1] is JSON, `[shapes, forms, items]`.
 * A shape is how a counter counts: an algorithm, 0 (fixed), 1 (sliding) or 2 (bucket), and of each window limit, length
 * (milliseconds, or five starts) and burst, all in a row. A form is what charges have in common, `[kind, hits, shape, hold]`:
 * kinds are 0 take, 1 look, 2 count, 3 refund; a hold is 0 or `[id, within, 0 keep or 1 release]`. Shapes and forms are named by
 * their places, from 1 on. Items are
 *
 * - `[0 or 1, form, …]`: a take, `each` or `all`, a form and a key a charge.
 *   Answers 1 (fits), 0 (exceeds), and of each charge 1 or 0 and three numbers a window; or 2 alone (skew).
 * - `[2, shape, member, by, starts]`: a settlement, of one key. Answers 1, or 0 where the hold is gone.
 * - `[3]`: a reset, of one key. Answers 1, or 0 where there was nothing.
 *
 * The reply is one text of doubles (little-endian): epoch milliseconds, and the answers in order. A counter is a text of doubles,
 * too: at, current, previous of each window, and where holds wait when the first and the last of them are due. Holds are a
 * sorted set beside it, `id:hits:kind:starts` by when they are due. Nothing is written before every item of the batch has read,
 * but for holds; every key expires.
 */
const LUA = `
local FIXED, BUCKET = 0, 2
local TAKE, LOOK, COUNT, REFUND = 0, 1, 2, 3
local MAX_HOLDS, RELEASED_AT_A_TIME = 10000, 100
-- Values that a function of Lua is given at a time, far below what its stack holds.
local AT_A_TIME = 1000

local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local call, format, match, concat = redis.call, string.format, string.match, table.concat
local pack, unpacked = struct.pack, struct.unpack
local time = call('TIME')
local clock = time[1] * 1000 + floor(time[2] / 1000)

-- Where the window of a moment begins and ends, and the one before it begins. Nil where it is not known.
local function span_at(length, now)
  if type(length) == 'number' then
    local start = floor(now / length) * length
    return { before = start - length, start = start, finish = start + length }
  end
  for index = 2, 4 do
    if now >= length[index] and now < length[index + 1] then
      return { before = length[index - 1], start = length[index], finish = length[index + 1] }
    end
  end
end

-- The windows of a shape, each with where it is now. Of a single one with a span, what is kept of it now ends at ends.
local function windows_of(shape)
  local algorithm, windows = shape[1], {}
  for index = 2, #shape, 3 do
    local limit, length, burst = shape[index], shape[index + 1], shape[index + 2]
    windows[#windows + 1] = {
      algorithm = algorithm,
      limit = limit,
      length = length,
      capacity = algorithm == BUCKET and limit > 0 and burst or limit,
      span = algorithm ~= BUCKET and span_at(length, clock),
    }
  end
  local span = windows[1].span
  if span and not windows[2] then
    windows.single = span
    windows.ends = format('%d', algorithm == FIXED and span.finish or span.finish + span.finish - span.start)
  end
  return windows
end

-- What is kept of a window, brought to this moment: at, current, previous, now, span. Nil where it is not known.
-- Several values rather than a table: this is run for every window of every charge.
local function roll(window, at, current, previous)
  local now, span = clock, window.span
  if at > clock then now = at end
  if window.algorithm == BUCKET then return now, max(0, current - (now - at) * window.limit), 0, now end
  if now ~= clock then span = span_at(window.length, now) end
  if not span then return nil end
  if at == span.start then return at, current, previous, now, span end
  return span.start, 0, at == span.before and current or 0, now, span
end

local function used(window, current, previous, now, span)
  if window.algorithm == FIXED then return current end
  if window.algorithm == BUCKET then return ceil(current / window.length) end
  local before = span.start - span.before
  return current + ceil((previous * min(span.finish - now, before)) / before)
end

local function lives(window, current, now, span)
  if window.algorithm == BUCKET then return ceil(current / max(1, window.limit)) + 1 end
  if window.algorithm == FIXED then return span.finish - now end
  return span.finish - now + span.finish - span.start
end

-- By key: what is kept of its windows, by which windows that is to be written, when the first and the last of its holds are due,
-- whether those that are due are released, and what the turn has left of it.
local kept, written, first_due, last_due, released, pending, turns = {}, {}, {}, {}, {}, {}, {}
local turn = 0

local function read(key, text)
  if #text == 24 then
    local at, current, previous = unpacked('<ddd', text)
    kept[key] = { at, current, previous }
    return
  end
  local states = {}
  for from = 1, #text - 7, 8 do states[#states + 1] = unpacked('<d', text, from) end
  if #states % 3 == 2 then last_due[key], first_due[key] = table.remove(states), table.remove(states) end
  kept[key] = states
end

for from = 1, #KEYS, AT_A_TIME do
  local texts = call('MGET', unpack(KEYS, from, min(#KEYS, from + AT_A_TIME - 1)))
  for index, text in ipairs(texts) do
    local key = KEYS[from + index - 1]
    if not text then kept[key] = {} elseif not kept[key] then read(key, text) end
  end
end

-- What is kept of a counter is written at the end, once; its life counts by the windows that were named last.
local function keep(key, states, windows)
  kept[key], written[key] = states, windows
end

local function write(key, windows)
  local states = kept[key]
  if windows.single and states[1] == windows.single.start and not first_due[key] then
    call('SET', key, pack('<ddd', states[1], states[2], states[3]), 'PXAT', windows.ends)
    return
  end
  local life, texts = 1, {}
  for index, window in ipairs(windows) do
    local from = index * 3
    local at, current, previous, now, span =
      roll(window, states[from - 2] or 0, states[from - 1] or 0, states[from] or 0)
    if not at then return end
    life = max(life, lives(window, current, now, span))
    texts[index] = pack('<ddd', at, current, previous)
  end
  if first_due[key] then
    life = max(life, last_due[key] - clock)
    texts[#texts + 1] = pack('<dd', first_due[key], last_due[key])
    call('PEXPIRE', key .. ':held', life)
  end
  call('SET', key, concat(texts), 'PX', life)
end

local function correct(key, by, starts, windows)
  local before, states = kept[key], {}
  for index, window in ipairs(windows) do
    local from = index * 3
    local at, current, previous, _, span =
      roll(window, before[from - 2] or 0, before[from - 1] or 0, before[from] or 0)
    if not at then return end
    if window.algorithm == BUCKET then
      current = max(0, current + by * window.length)
    elseif starts[index] == at then
      current = max(0, current + by)
    elseif starts[index] == span.before then
      previous = max(0, previous + by)
    end
    states[from - 2], states[from - 1], states[from] = at, current, previous
  end
  keep(key, states, windows)
end

-- Ends the holds that nobody has settled in time.
local function release(key, windows)
  local first = first_due[key]
  if not first or first > clock or released[key] then return end
  released[key] = true
  local held = key .. ':held'
  local due = call('ZRANGEBYSCORE', held, '-inf', clock, 'LIMIT', 0, RELEASED_AT_A_TIME)
  for _, member in ipairs(due) do
    local hits, kind, starts = match(member, '^[^:]*:(%d+):(%d):(.*)$')
    if kind == '1' then
      local numbers = {}
      for number in string.gmatch(starts, '%d+') do numbers[#numbers + 1] = tonumber(number) end
      correct(key, -tonumber(hits), numbers, windows)
    end
  end
  if #due > 0 then call('ZREMRANGEBYRANK', held, 0, #due - 1) end
  local next_due = call('ZRANGE', held, 0, 0, 'WITHSCORES')[2]
  first_due[key] = next_due and tonumber(next_due)
  if not written[key] then keep(key, kept[key], windows) end
end

local content = cjson.decode(ARGV[1])
local shapes, forms = content[1], content[2]
for place, shape in ipairs(shapes) do shapes[place] = windows_of(shape) end
for _, form in ipairs(forms) do form[3] = shapes[form[3]] end
local reply, answers, charged = { clock }, 1, 0

-- What a charge has left is in the reply, from the place on; its first window begins there.
local function hold(key, hits, given, place, windows)
  local held, due, starts = key .. ':held', clock + given[2], {}
  for index = 1, #windows do starts[index] = format('%d', reply[place + index * 3 - 2]) end
  local member = format('%s:%d:%d:%s', given[1], hits, given[3], concat(starts, ','))
  -- What is there of a counter that was lost must not change this one.
  if not first_due[key] then call('DEL', held) end
  if call('ZADD', held, due, member) == 1 and call('ZCARD', held) > MAX_HOLDS then call('ZPOPMIN', held) end
  first_due[key] = min(first_due[key] or due, due)
  last_due[key] = max(last_due[key] or due, due)
end

-- One charge of the turn, answered from a place of the reply on: whether it fits, and what it leaves. What earlier ones of the
-- turn have left is pending. Nil where a window is not known.
local function carry_out(key, kind, hits, windows, place)
  release(key, windows)
  local before = turns[key] == turn and pending[key] or kept[key]
  local wanted, does_fit, count = kind == REFUND and 0 or hits, true, #windows
  reply[place] = 0
  for index = 1, count do
    local window, from = windows[index], index * 3
    local at, current, previous, now, span =
      roll(window, before[from - 2] or 0, before[from - 1] or 0, before[from] or 0)
    if not at then return nil end
    local capacity, is_bucket = window.capacity, window.algorithm == BUCKET
    local is_used = used(window, current, previous, now, span)
    if is_bucket then
      does_fit = does_fit and current + wanted * window.length <= capacity * window.length
    else
      does_fit = does_fit and is_used + wanted <= capacity
    end
    if kind == COUNT or kind == REFUND then
      local amount = kind == REFUND and -hits or max(0, min(hits, capacity + 1 - is_used))
      current = max(0, current + (is_bucket and amount * window.length or amount))
    end
    from = place + from
    reply[from - 2], reply[from - 1], reply[from] = at, current, previous
  end
  if does_fit then reply[place] = 1 end
  if hits == 0 or kind == LOOK or (kind == TAKE and not does_fit) then return does_fit end
  local states = {}
  for index = 1, count do
    local from = index * 3
    local current = reply[place + from - 1]
    if kind == TAKE then
      current = current + (windows[index].algorithm == BUCKET and hits * windows[index].length or hits)
      reply[place + from - 1] = current
    end
    states[from - 2], states[from - 1], states[from] = reply[place + from - 2], current, reply[place + from]
  end
  turns[key], pending[key] = turn, states
  return does_fit
end

-- A charge of an item stands as far behind the keys of the items before as in the item behind its first value.
local function take(item)
  local first, do_all_fit = answers + 1, true
  local place, keys_before = first + 1, charged - 1
  charged = charged + #item - 1
  turn = turn + 1
  reply[first] = 1
  for at = 2, #item do
    local form = forms[item[at]]
    local kind, windows = form[1], form[3]
    local does_fit = carry_out(KEYS[keys_before + at], kind, form[2], windows, place)
    if does_fit == nil then
      for index = #reply, first, -1 do reply[index] = nil end
      reply[first], answers = 2, first
      return
    end
    if not does_fit and kind ~= COUNT and kind ~= REFUND then do_all_fit = false end
    place = place + 1 + #windows * 3
  end
  answers = place - 1
  local is_taken = do_all_fit or item[1] == 0
  if not do_all_fit then reply[first] = 0 end
  if not is_taken then
    -- Nothing is taken; what counts in any case is carried out as if there had been no take.
    turn, place = turn + 1, first + 1
    for at = 2, #item do
      local form, found = forms[item[at]], reply[place]
      local kind, windows = form[1], form[3]
      carry_out(KEYS[keys_before + at], kind == TAKE and LOOK or kind, form[2], windows, place)
      reply[place] = found
      place = place + 1 + #windows * 3
    end
  end
  place = first + 1
  for at = 2, #item do
    local form, key = forms[item[at]], KEYS[keys_before + at]
    local windows, given = form[3], form[4]
    if turns[key] == turn then keep(key, pending[key], windows) end
    if given ~= 0 and form[1] == TAKE and form[2] > 0 and is_taken and reply[place] == 1 then
      hold(key, form[2], given, place, windows)
    end
    place = place + 1 + #windows * 3
  end
end

local function next_key()
  charged = charged + 1
  return KEYS[charged]
end

local function answer(number)
  answers = answers + 1
  reply[answers] = number
end

local function settle(item)
  local key, windows = next_key(), shapes[item[2]]
  release(key, windows)
  local is_held = call('ZREM', key .. ':held', item[3]) == 1
  if is_held then correct(key, item[4], item[5], windows) end
  answer(is_held and 1 or 0)
end

local function reset()
  local key = next_key()
  local count = call('DEL', key, key .. ':held')
  answer((count > 0 or written[key]) and 1 or 0)
  kept[key], written[key], first_due[key], last_due[key], released[key] = {}, nil, nil, nil, nil
end

for _, item in ipairs(content[3]) do
  if item[1] < 2 then take(item) elseif item[1] == 2 then settle(item) else reset() end
end

for key, windows in pairs(written) do write(key, windows) end

local texts = {}
for from = 1, #reply, AT_A_TIME do
  local last = min(#reply, from + AT_A_TIME - 1)
  texts[#texts + 1] = pack('<' .. string.rep('d', last - from + 1), unpack(reply, from, last))
end
return concat(texts)
`;

export const SCRIPT = {
  text: LUA,
  /** By which Redis knows it (EVALSHA). */
  sha: createHash("sha1").update(LUA).digest("hex"),
} as const;
