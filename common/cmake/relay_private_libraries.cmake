# With RELAY_PRIVATE_LIBRARIES the program links these in, instead of loading the shared ones of the system
# (docs/adr/0012-private-libraries.md). Headers stay those of the development packages: they are of the same source packages.
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/common/libraries/build.sh OUTPUT_VARIABLE libraries
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

# relay_link_in(TARGET ARCHIVE LIBRARY...): the imported target stands for the archive and the libraries that it needs.
function(relay_link_in target archive)
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${archive} IMPORTED_CONFIGURATIONS "")
    foreach(configuration NONE RELEASE RELWITHDEBINFO)
        set_property(TARGET ${target} PROPERTY IMPORTED_LOCATION_${configuration} ${archive})
    endforeach()
    set_property(TARGET ${target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES ${ARGN})
endfunction()
relay_link_in(CURL::libcurl ${libraries}/lib/libcurl.a OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB Threads::Threads)
relay_link_in(fmt::fmt ${libraries}/lib/libfmt.a)
relay_link_in(spdlog::spdlog ${libraries}/lib/libspdlog.a fmt::fmt Threads::Threads)

# Debian's development package has an archive of it.
set_target_properties(pugixml::pugixml PROPERTIES INTERFACE_LINK_LIBRARIES pugixml::static)
