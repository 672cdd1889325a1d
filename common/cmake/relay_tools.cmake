# Targets for people: lint, format, coverage-report. Each tool is asked for only when its target is built.
set(RELAY_SOURCE_GLOBS agent/*.cpp agent/*.hpp common/*.cpp common/*.hpp service/*.cpp service/*.hpp tests/*.cpp tests/*.hpp)
file(GLOB_RECURSE RELAY_FORMATTED CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${RELAY_SOURCE_GLOBS})

add_custom_target(format
    COMMAND clang-format -i ${RELAY_FORMATTED}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMENT "Formatting" USES_TERMINAL VERBATIM)

add_custom_target(lint-format
    COMMAND clang-format --dry-run --Werror ${RELAY_FORMATTED}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMENT "Checking the formatting" USES_TERMINAL VERBATIM)

# lint: a file is looked at anew where its object was made anew, so a run that was broken off goes on where it was. Build
# first: some headers are generated. clang-tidy reads g++'s command lines; the warnings that only g++ knows mean nothing to it.
function(relay_lint_targets directory)
    get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target IN LISTS targets)
        get_target_property(sources ${target} SOURCES)
        get_target_property(type ${target} TYPE)
        if(sources AND NOT type STREQUAL "UTILITY")
            get_target_property(from ${target} SOURCE_DIR)
            get_target_property(to ${target} BINARY_DIR)
            foreach(source IN LISTS sources)
                cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${from} NORMALIZE)
                cmake_path(IS_PREFIX PROJECT_BINARY_DIR ${source} generated)
                if(source MATCHES "\\.cpp$" AND NOT generated)
                    relay_lint_file(${source} ${target} ${from} ${to})
                endif()
            endforeach()
        endif()
    endforeach()
    get_property(below DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
    foreach(sub IN LISTS below)
        relay_lint_targets(${sub})
    endforeach()
endfunction()

function(relay_lint_file source target from to)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${from} OUTPUT_VARIABLE object)
    string(REPLACE "../" "__/" object ${object})
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE name)
    set(stamp ${PROJECT_BINARY_DIR}/lint/${name}.ok)
    get_property(stamps GLOBAL PROPERTY relay_lint_stamps)
    if(stamp IN_LIST stamps) # part of two targets
        return()
    endif()
    set_property(GLOBAL APPEND PROPERTY relay_lint_stamps ${stamp})
    cmake_path(GET stamp PARENT_PATH folder)
    add_custom_command(OUTPUT ${stamp}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
        # Of every file it says on standard error how many warnings of other people's headers it holds back.
        COMMAND sh -c "clang-tidy --quiet -p \"$1/lint\" --extra-arg=-Wno-unknown-warning-option \"$2\" 2>\"$3.said\" && mv \"$3.said\" \"$3\" || { cat \"$3.said\"; exit 1; }"
                sh ${PROJECT_BINARY_DIR} ${source} ${stamp}
        DEPENDS ${to}/CMakeFiles/${target}.dir/${object}.o ${PROJECT_SOURCE_DIR}/.clang-tidy
            ${PROJECT_BINARY_DIR}/lint/compile_commands.json
        COMMENT "clang-tidy ${name}" VERBATIM)
endfunction()

function(relay_lint)
    # clang cannot read the header that g++ precompiled, and takes it wherever it is named.
    add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/lint/compile_commands.json
        COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/lint
        COMMAND sed "s/ -Winvalid-pch -include [^ ]*cmake_pch[.]hxx//" ${PROJECT_BINARY_DIR}/compile_commands.json
                > ${PROJECT_BINARY_DIR}/lint/new.json
        COMMAND ${CMAKE_COMMAND} -E copy_if_different ${PROJECT_BINARY_DIR}/lint/new.json
                ${PROJECT_BINARY_DIR}/lint/compile_commands.json
        DEPENDS ${PROJECT_BINARY_DIR}/compile_commands.json VERBATIM)
    relay_lint_targets(${PROJECT_SOURCE_DIR})
    get_property(stamps GLOBAL PROPERTY relay_lint_stamps)
    add_custom_target(lint DEPENDS ${stamps})
    add_dependencies(lint lint-format)
endfunction()
cmake_language(DEFER DIRECTORY ${PROJECT_SOURCE_DIR} CALL relay_lint)

if(RELAY_COVERAGE)
    add_custom_target(coverage-report
        COMMAND gcovr --root ${PROJECT_SOURCE_DIR} --filter agent/ --filter common/ --filter service/
                --exclude-throw-branches --html-details ${PROJECT_BINARY_DIR}/coverage/index.html --print-summary
                --output ${PROJECT_BINARY_DIR}/coverage/lines.txt ${PROJECT_BINARY_DIR}
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMENT "Coverage: build/coverage/coverage/index.html" USES_TERMINAL VERBATIM)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/coverage)
endif()
