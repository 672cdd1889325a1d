# npm ci of the lock file in FROM, into TO; nothing where TO has it already. Called as a script with NPM, FROM and TO.
set(done ${TO}/done.json)
if(EXISTS ${done})
    file(SHA256 ${done} there)
    file(SHA256 ${FROM}/package-lock.json wanted)
    if(there STREQUAL wanted)
        return()
    endif()
endif()
file(MAKE_DIRECTORY ${TO})
file(COPY ${FROM}/package.json ${FROM}/package-lock.json DESTINATION ${TO})
execute_process(COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --prefer-offline
    WORKING_DIRECTORY ${TO} COMMAND_ERROR_IS_FATAL ANY)
file(COPY_FILE ${FROM}/package-lock.json ${done})
