-- Plays an export: arguments are the folder of the scripts, the strength in percent, then pairs of
-- an original and its exported file. Prints what came of it, one fact a line.
local root, strength = arg[1], tonumber(arg[2])
package.path = root .. "/tests/integrations/?.lua;" .. root .. "/integrations/darktable/?.lua"
local dt = require "darktable"
local script = require "mirnet"

local storage = dt.storages["mirnet"]
storage.widget[1].value = strength
storage.widget[2].value = "denoise-print"
for _, extension in ipairs { "tif", "jpg", "exr" } do
  print("supports " .. extension .. " " .. tostring(storage.supported(storage, { extension = extension })))
end
local exported = {}
for i = 3, #arg, 2 do
  local path, name = arg[i]:match("^(.*)/([^/]*)$")
  local image = { path = path, filename = name }
  image.group_leader = image
  exported[image] = arg[i + 1]
end
storage.finalize(storage, exported, {})
for _, image in ipairs(dt.imported) do
  print("imported " .. image.path .. " with " .. image.leader.filename)
end
for _, text in ipairs(dt.printed) do
  print("printed " .. text)
end
print("job " .. tostring(dt.jobs[1].valid) .. " " .. tostring(dt.jobs[1].percent))
script.destroy()
print("storages " .. tostring(next(dt.storages)))
