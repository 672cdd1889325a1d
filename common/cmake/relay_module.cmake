# Compiler settings that every target of ours shares, and relay_module(): one static library a folder.
include(GNUInstallDirs)

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_program(RELAY_CCACHE ccache)
find_program(RELAY_ENV env)
if(RELAY_CCACHE AND RELAY_ENV AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # What is compiled in one checkout is found again from another: paths count from the checkout, files by their contents. The
    # last two let it look into a precompiled header that was made a moment ago.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${RELAY_ENV} CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
        CCACHE_COMPILERCHECK=content
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${RELAY_CCACHE})
endif()

# What waits longest in a build on two cores, after compiling, is bfd. A linker that is not there is not asked for.
find_program(RELAY_LLD ld.lld)
if(RELAY_LLD)
    add_link_options(-fuse-ld=lld)
endif()
# Thin archives: a module's library names its objects instead of holding a copy of them.
set(CMAKE_CXX_ARCHIVE_CREATE "<CMAKE_AR> qcT <TARGET> <LINK_FLAGS> <OBJECTS>")
set(CMAKE_CXX_ARCHIVE_APPEND "<CMAKE_AR> qT <TARGET> <LINK_FLAGS> <OBJECTS>")

# Of processors: x86-64 has it, Arm names it otherwise.
include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-fcf-protection=full RELAY_CONTROL_FLOW_PROTECTION)

add_library(relay_compile_options INTERFACE)
target_compile_features(relay_compile_options INTERFACE cxx_std_20)
target_include_directories(relay_compile_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_options(relay_compile_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    $<$<BOOL:${RELAY_WARNINGS_AS_ERRORS}>:-Werror>
    # g++ 12 raises false alarms of these inside libstdc++ and Boost once it inlines or instruments coroutines.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-free-nonheap-object -Wno-mismatched-new-delete>
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<NOT:$<CONFIG:Debug>>>:-Wno-stringop-overread>)
if(RELAY_SANITIZE)
    target_compile_options(relay_compile_options INTERFACE -fsanitize=${RELAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
        # Asio's fences, which g++ cannot instrument (the queues around them use mutexes).
        $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
    target_link_options(relay_compile_options INTERFACE -fsanitize=${RELAY_SANITIZE})
else()
    target_compile_options(relay_compile_options INTERFACE -fstack-protector-strong
        # What a mistake could still be used for: tests/package/test_hardening.sh reads these off the program.
        $<$<CONFIG:RelWithDebInfo>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3;-D_GLIBCXX_ASSERTIONS;-fstack-clash-protection>
        $<$<AND:$<CONFIG:RelWithDebInfo>,$<BOOL:${RELAY_CONTROL_FLOW_PROTECTION}>>:-fcf-protection=full>
        # What nobody calls is left out, and no path of the machine that compiled it gets in.
        $<$<CONFIG:RelWithDebInfo>:-ffunction-sections;-fdata-sections;-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.>)
endif()
# How the program that ships is linked: hardened as Debian does it, and without what nobody calls.
add_library(relay_shipped INTERFACE)
target_link_options(relay_shipped INTERFACE $<$<CONFIG:RelWithDebInfo>:-Wl,--gc-sections;-Wl,--build-id=sha1;-Wl,--as-needed;-Wl,-z,relro;-Wl,-z,now;-Wl,-z,noexecstack>
    # A shadow stack asks nothing of the little that was compiled without (the C library's start, pugixml).
    $<$<AND:$<CONFIG:RelWithDebInfo>,$<BOOL:${RELAY_CONTROL_FLOW_PROTECTION}>>:-Wl,-z,shstk>
    # Code that only failures run apart from what always runs, as bfd does by itself: fewer pages are touched.
    $<$<BOOL:${RELAY_LLD}>:-Wl,-z,keep-text-section-prefix>)

if(RELAY_COVERAGE)
    target_compile_options(relay_compile_options INTERFACE --coverage)
    target_link_options(relay_compile_options INTERFACE --coverage)
endif()

# relay_module(NAME DEPENDS target...): a static library from the .cpp files beside the calling CMakeLists.txt.
# DEPENDS is the rule of who may include whom; a module without sources is an INTERFACE library.
function(relay_module name)
    cmake_parse_arguments(PARSE_ARGV 1 module "" "" "DEPENDS;PRIVATE;SOURCES")
    if(NOT module_SOURCES)
        file(GLOB module_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    endif()
    if(module_SOURCES)
        add_library(${name} STATIC ${module_SOURCES})
        target_link_libraries(${name} PUBLIC relay_compile_options ${module_DEPENDS} PRIVATE ${module_PRIVATE})
    else()
        add_library(${name} INTERFACE)
        target_link_libraries(${name} INTERFACE relay_compile_options ${module_DEPENDS})
    endif()
endfunction()
