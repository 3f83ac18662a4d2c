-- What wrk sends: one POST, always the same bytes, so that making requests costs the generator nothing.
--
--   wrk ... -s load.lua URL -- BODY_FILE EXPECTED "Name: value"...
--
-- EXPECTED: text that every answer must hold, or "-": answers are not looked at (looking costs the generator more than
-- asking). The last line printed is JSON: counts, and latencies in microseconds.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
  for i = 3, #args do
    local name, value = args[i]:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
  wrong = 0
  first_wrong = ""
  if args[2] ~= "-" then
    local expected = args[2]
    response = function(status, headers, body)
      if status ~= 200 or not body:find(expected, 1, true) then
        if wrong == 0 then first_wrong = status .. " " .. body:sub(1, 400) end
        wrong = wrong + 1
      end
    end
  end
end

local function quote(text)
  return '"' .. text:gsub('[%c"\\\128-\255]', function(c) return string.format("\\u%04x", c:byte()) end) .. '"'
end

function done(summary, latency, requests)
  local n_wrong, first = 0, ""
  for _, thread in ipairs(threads) do
    n_wrong = n_wrong + thread:get("wrong")
    if first == "" then first = thread:get("first_wrong") end
  end
  local errors = summary.errors
  io.write(string.format(
    '{"calls":%d,"us":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,"socket_errors":%d,"timeouts":%d,"status_errors":%d,' ..
    '"wrong":%d,"first_wrong":%s}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write, errors.timeout, errors.status, n_wrong, quote(first)))
end
