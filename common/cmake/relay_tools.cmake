# Targets for people: lint, format, coverage-report. Each tool is asked for only when its target is built.
set(RELAY_SOURCE_GLOBS agent/*.cpp agent/*.hpp common/*.cpp common/*.hpp service/*.cpp service/*.hpp tests/*.cpp tests/*.hpp)
file(GLOB_RECURSE RELAY_FORMATTED CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${RELAY_SOURCE_GLOBS})

add_custom_target(format
    COMMAND clang-format -i ${RELAY_FORMATTED}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMENT "Formatting" USES_TERMINAL VERBATIM)

add_custom_target(lint-format
    COMMAND clang-format --dry-run --Werror ${RELAY_FORMATTED}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMENT "Checking the formatting" USES_TERMINAL VERBATIM)

# clang-tidy reads g++'s command lines; the warnings that only g++ knows mean nothing to it. Build first: some headers
# are generated.
add_custom_target(lint
    COMMAND run-clang-tidy -quiet -p ${PROJECT_BINARY_DIR} -extra-arg=-Wno-unknown-warning-option
            "^${PROJECT_SOURCE_DIR}/(agent|common|service|tests)/"
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMENT "clang-tidy" USES_TERMINAL VERBATIM)
add_dependencies(lint lint-format)

if(RELAY_COVERAGE)
    add_custom_target(coverage-report
        COMMAND gcovr --root ${PROJECT_SOURCE_DIR} --filter agent/ --filter common/ --filter service/
                --exclude-throw-branches --html-details ${PROJECT_BINARY_DIR}/coverage/index.html --print-summary
                --output ${PROJECT_BINARY_DIR}/coverage/lines.txt ${PROJECT_BINARY_DIR}
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMENT "Coverage: build/coverage/coverage/index.html" USES_TERMINAL VERBATIM)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/coverage)
endif()
