-- For wrk: send the files that are named after "--" in turn, each as a part "photo",
-- and write down at the end what benchmarks/serving.py reads.

local requests = {}
local sent = 0

function init(arguments)
  local head = '--end\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
  local kind = { ["Content-Type"] = "multipart/form-data; boundary=end" }
  for _, path in ipairs(arguments) do
    local file = assert(io.open(path, "rb"))
    local body = head .. file:read("*a") .. "\r\n--end--\r\n"
    file:close()
    requests[#requests + 1] = wrk.format("POST", nil, kind, body)
  end
end

function request()
  sent = sent + 1
  return requests[sent % #requests + 1]
end

function done(summary, latency)
  local faults = summary.errors
  io.write("answers ", summary.requests, "\n", "micros ", summary.duration, "\n")
  io.write("faults ", faults.connect + faults.read + faults.write
    + faults.status + faults.timeout, "\n")
  for percent = 1, 99 do
    io.write("percentile ", latency:percentile(percent), "\n")
  end
end
