@echo off
rem Restores what is sent here; results go beside the originals. See README.md.
chcp 65001 > nul
where mirnet > nul 2> nul
if errorlevel 1 (
    echo mirnet is not installed: there is no command mirnet.
    pause
    exit /b 2
)
mirnet restore -- %*
if errorlevel 1 pause
