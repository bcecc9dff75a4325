-- An application that restores in place what is dropped on it or handed to it, for editors such as
-- Lightroom, which pass a file and expect it changed. README.md says how to make it.
on open files_
    set arguments to ""
    repeat with file_ in files_
        set arguments to arguments & " " & quoted form of POSIX path of file_
    end repeat
    try
        do shell script "PATH=\"$PATH:$HOME/.local/bin:/opt/homebrew/bin:/usr/local/bin\"; mirnet-edit --" & arguments
        display notification "The file was replaced; the one before is beside it." with title "Restored"
    on error message_
        display alert "mirnet could not restore all" message message_
    end try
end open

on run
    display alert "Drop pictures on this application, or choose it as an external editor."
end run
