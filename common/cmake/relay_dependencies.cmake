# The libraries we stand on, as Debian 12 ships them, under one name each.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS headers)
find_package(OpenSSL 3.0 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(pugixml REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(gssapi REQUIRED IMPORTED_TARGET krb5-gssapi)
if(RELAY_PRIVATE_LIBRARIES)
    include(relay_private_libraries)
endif()

# Header-only too: one file of ours reads TOML, and a library to load for it was one more that can be missing.
add_library(relay_toml INTERFACE)
target_include_directories(relay_toml SYSTEM INTERFACE
    $<TARGET_PROPERTY:tomlplusplus::tomlplusplus,INTERFACE_INCLUDE_DIRECTORIES>)

# Boost is header-only here: its heavy parts (asio, ssl, beast, json, url) are compiled once, in common/boost_sources.cpp.
add_library(relay_boost_headers INTERFACE)
target_link_libraries(relay_boost_headers INTERFACE Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
target_compile_definitions(relay_boost_headers INTERFACE BOOST_ASIO_SEPARATE_COMPILATION
    BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_JSON_NO_LIB BOOST_URL_NO_LIB)
