-- A stand-in for the part of darktable's interface that mirnet.lua uses; commands really run.
local dt = { printed = {}, imported = {}, storages = {}, jobs = {}, values = {} }

dt.configuration = { running_os = "linux" }
dt.preferences = {
  register = function(_, name, _, _, _, default) dt.values[name] = default end,
  read = function(_, name) return os.getenv("MIRNET_" .. name:upper()) or dt.values[name] end,
}
dt.control = {
  execute = function(command)
    local _, how, code = os.execute(command)
    return how == "exit" and code or -1
  end,
}
dt.database = {
  import = function(path)
    local image = { path = path }
    function image:group_with(leader) self.leader = leader end
    table.insert(dt.imported, image)
    return image
  end,
}
dt.gui = {
  create_job = function(name)
    local job = { name = name, valid = true, percent = 0 }
    table.insert(dt.jobs, job)
    return job
  end,
}
dt.print = function(text) table.insert(dt.printed, text) end
dt.print_error = function() end
dt.destroy_storage = function(name) dt.storages[name] = nil end
dt.register_storage = function(name, label, store, finalize, supported, initialize, widget)
  dt.storages[name] = {
    label = label, store = store, finalize = finalize, supported = supported, widget = widget,
  }
end
dt.new_widget = function(kind)
  return function(properties)
    properties.kind = kind
    if kind == "combobox" then properties.value = properties[1] end
    return properties
  end
end
return dt
