# CPack runs it on the folder that it is about to pack, once for each kind of package.
execute_process(COMMAND ${CPACK_RELAY_SCRIPTS}/stage.sh ${CPACK_GENERATOR} ${CPACK_TEMPORARY_DIRECTORY} ${CPACK_PACKAGE_VERSION}
    ${CPACK_RELAY_SOURCE} COMMAND_ERROR_IS_FATAL ANY)
