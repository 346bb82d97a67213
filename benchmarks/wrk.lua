-- Prints what wrk measured as one line of JSON, in the shape of `benchmarks.load.Driven`. It defines no
-- `request` and no `response`: those would run for every request. Its argument is the size of an uploaded body.
function init(arguments)
  local upload = tonumber(arguments[1])
  if upload > 0 then
    wrk.method = "POST"
    wrk.body = string.rep("x", upload)
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %.6f, "errors": %d, "p50": %.3f, "p99": %.3f}',
    summary.requests,
    summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3
  ))
end
