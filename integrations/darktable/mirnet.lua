--[[
Restore with mirnet, from darktable's export.

Adds the target storage "mirnet": darktable exports each selected picture as usual, mirnet restores
the file, and the result is imported beside the original, in the same group.

Install: copy this file to the folder `lua` of darktable's configuration, and add the line
`require "mirnet"` to `luarc` beside that folder. README.md says where that is.
]]

local dt = require "darktable"

local MODULE = "mirnet"
local WINDOWS = dt.configuration.running_os == "windows"
local SEPARATOR = WINDOWS and "\\" or "/"
local FORMATS = { tif = true, tiff = true, png = true, jpg = true, jpeg = true, webp = true, avif = true }

dt.preferences.register(
  MODULE, "executable", "string", "mirnet: command",
  "name or path of the command line tool mirnet", "mirnet"
)

local function quoted(text)
  if WINDOWS then
    return '"' .. text:gsub('"', "") .. '"' -- names of files there hold no quotes
  end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

-- A path beside the original that is free: NAME_restored.EXT, NAME_restored_01.EXT, ...
local function target_for(image, exported)
  local stem = image.filename:gsub("%.[^.]*$", "")
  local suffix = exported:match("%.[^.]*$")
  local start = image.path .. SEPARATOR .. stem .. "_restored"
  local path, number = start .. suffix, 0
  while exists(path) do
    number = number + 1
    path = string.format("%s_%02d%s", start, number, suffix)
  end
  return path
end

-- The last line of a file, which is what mirnet says about an error.
local function last_line(path)
  local last = ""
  local file = io.open(path, "r")
  if file then
    for line in file:lines() do
      last = line ~= "" and line or last
    end
    file:close()
  end
  return last
end

-- Restore one file. Returns nil, or what went wrong.
local function restore(source, target, strength, model)
  local messages = os.tmpname()
  local command = table.concat({
    quoted(dt.preferences.read(MODULE, "executable", "string")),
    "restore", quoted(source), "-o", quoted(target),
    "--strength", string.format("%d.%02d", strength // 100, strength % 100), -- no decimal comma
    "--model", model,
    "2>" .. quoted(messages),
  }, " ")
  if WINDOWS then
    command = '"' .. command .. '"' -- cmd takes off the outermost quotes
  end
  local status = dt.control.execute(command)
  local reason = last_line(messages)
  os.remove(messages)
  if status == 0 then
    return nil
  end
  return reason ~= "" and reason or "mirnet could not be started: is the command set in the preferences?"
end

local strength = dt.new_widget("slider") {
  label = "strength",
  tooltip = "percent of the noise that is removed; below 100, some fine grain stays",
  soft_min = 0, soft_max = 100, hard_min = 0, hard_max = 100, step = 5, digits = 0, value = 100,
}

local model = dt.new_widget("combobox") {
  label = "model",
  tooltip = "denoise-tiny is quicker and leaves a little more noise; denoise-print is for drawings and scans of print",
  "denoise", "denoise-tiny", "denoise-print",
}

local function supported(_, format)
  return FORMATS[format.extension] == true
end

-- Called once all pictures are exported: a table from each picture to its exported file.
local function finalize(_, exported)
  local total, done, failed = 0, 0, 0
  for _ in pairs(exported) do
    total = total + 1
  end
  local is_cancelled = false
  local job = dt.gui.create_job("mirnet", true, function()
    is_cancelled = true
  end)
  for image, file in pairs(exported) do
    if not is_cancelled then
      local target = target_for(image, file)
      local problem = restore(file, target, math.floor(strength.value + 0.5), model.value)
      if problem then
        failed = failed + 1
        dt.print_error(problem)
        dt.print(problem)
      else
        local result = dt.database.import(target)
        if result then
          result:group_with(image.group_leader)
        end
        done = done + 1
      end
      job.percent = (done + failed) / total
    end
    os.remove(file)
  end
  job.valid = false
  if failed == 0 then
    dt.print(string.format("mirnet: %d of %d restored", done, total))
  end
end

dt.register_storage(
  MODULE, "mirnet: restore and import", nil, finalize, supported, nil,
  dt.new_widget("box") { orientation = "vertical", strength, model }
)

-- for darktable's script manager
local script = {}
script.metadata = {
  name = "mirnet",
  purpose = "restore noisy pictures with mirnet",
  author = "The mirnet authors",
}
script.destroy = function()
  dt.destroy_storage(MODULE)
end
script.destroy_method = nil
return script
