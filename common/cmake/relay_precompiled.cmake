# One precompiled header for all targets: the headers of others that nearly every file reads. It saves a fifth to two fifths of
# compiling. Modules still include what they use: a header of this list that a file forgets is found by the lint, which
# compiles without it.
add_library(relay_precompiled OBJECT ${PROJECT_SOURCE_DIR}/common/cmake/precompiled.cpp)
target_link_libraries(relay_precompiled PRIVATE relay_compile_options relay_boost_headers fmt::fmt spdlog::spdlog)
# In angle brackets, as CMake writes the checkout's path into it otherwise, and ccache would know it there alone.
target_precompile_headers(relay_precompiled PRIVATE <common/cmake/precompiled.hpp>)
# g++ leaves debugging information out of a header that is compiled with -g1, and then refuses it for what has some.
target_compile_options(relay_precompiled PRIVATE $<$<CXX_COMPILER_ID:GNU>:-g>)

# What ships is compiled for size where the processor is hardly ever: commands, start, enrolment, status, and the link, whose work is
# one frame a command. That takes a tenth of the program, and of the memory that it needs.
set(RELAY_SMALL_MODULES relay_service relay_config relay_doctor relay_support relay_status relay_admin relay_enrolment
    relay_enrolment_codec relay_uplink)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    # g++ takes no header that was compiled for speed.
    add_library(relay_precompiled_small OBJECT ${PROJECT_SOURCE_DIR}/common/cmake/precompiled.cpp)
    target_link_libraries(relay_precompiled_small PRIVATE relay_compile_options relay_boost_headers fmt::fmt spdlog::spdlog)
    target_precompile_headers(relay_precompiled_small PRIVATE <common/cmake/precompiled.hpp>)
    target_compile_options(relay_precompiled_small PRIVATE -Os)
endif()

# A precompiled header is taken only where the macros it saw are the same.
get_target_property(definitions relay_boost_headers INTERFACE_COMPILE_DEFINITIONS)
target_compile_definitions(relay_compile_options INTERFACE ${definitions}
    $<TARGET_PROPERTY:spdlog::spdlog,INTERFACE_COMPILE_DEFINITIONS> $<TARGET_PROPERTY:fmt::fmt,INTERFACE_COMPILE_DEFINITIONS>)

# Every program and module below `directory` that is compiled with our options; not shared libraries (other code generation).
function(relay_precompile_below directory)
    get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target IN LISTS targets)
        get_target_property(type ${target} TYPE)
        get_target_property(excluded ${target} DISABLE_PRECOMPILE_HEADERS)
        if(type MATCHES "^(STATIC_LIBRARY|EXECUTABLE)$" AND NOT excluded)
            if(TARGET relay_precompiled_small AND target IN_LIST RELAY_SMALL_MODULES)
                target_precompile_headers(${target} REUSE_FROM relay_precompiled_small)
                target_compile_options(${target} PRIVATE -Os)
            else()
                target_precompile_headers(${target} REUSE_FROM relay_precompiled)
            endif()
            target_link_libraries(${target} PRIVATE relay_boost) # Asio's headers refer to objects that are defined there
        endif()
    endforeach()
    get_property(below DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
    foreach(sub IN LISTS below)
        relay_precompile_below(${sub})
    endforeach()
endfunction()
function(relay_precompile)
    foreach(module IN LISTS RELAY_SMALL_MODULES)
        if(NOT TARGET ${module})
            message(FATAL_ERROR "RELAY_SMALL_MODULES names ${module}, which there is not")
        endif()
    endforeach()
    relay_precompile_below(${PROJECT_SOURCE_DIR})
endfunction()
cmake_language(DEFER DIRECTORY ${PROJECT_SOURCE_DIR} CALL relay_precompile)
