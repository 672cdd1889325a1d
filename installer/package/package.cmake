# What CPack makes of the install rules: a .deb and an .rpm. `./dev package` runs it (build.sh beside this file), as a release needs
# more than CPack makes: debug symbols in packages of their own, checks, an inventory.
set(RELAY_MAINTAINER "Workestra <relay@workestra.example>" CACHE STRING "Who the packages say to write to")
set(RELAY_PACKAGE_REVISION "" CACHE STRING "What follows the version in a package that is built for one distribution")

set(CPACK_PACKAGE_NAME workestra-relay)
set(CPACK_PACKAGE_VENDOR Workestra)
set(CPACK_PACKAGE_CONTACT "${RELAY_MAINTAINER}")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION}${RELAY_PACKAGE_REVISION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "agent that connects a scheduling cloud with Exchange servers")
set(CPACK_PACKAGE_DESCRIPTION "Workestra Relay runs inside a company's network and carries out the calendar
commands of a scheduling cloud on Exchange servers that stand there. It dials
out over one mutually authenticated WebSocket and never listens on the network.
A booking that it has accepted is carried out exactly once.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_OUTPUT_FILE_PREFIX ${PROJECT_BINARY_DIR}/packages)
set(CPACK_GENERATOR DEB RPM)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_THREADS 0) # as many as there are

set(scripts ${CMAKE_CURRENT_SOURCE_DIR}/package)
set(CPACK_PRE_BUILD_SCRIPTS ${scripts}/stage.cmake)
set(CPACK_RELAY_SCRIPTS ${scripts})
set(CPACK_RELAY_SOURCE ${PROJECT_SOURCE_DIR})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What no library tells: who makes the user, and what the usual sign-in, NTLM, loads.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers, gss-ntlmssp")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${scripts}/debian/postinst ${scripts}/debian/prerm ${scripts}/debian/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE Proprietary)
set(CPACK_RPM_PACKAGE_GROUP Applications/Internet)
set(CPACK_RPM_COMPRESSION_TYPE xz)
set(CPACK_RPM_SPEC_MORE_DEFINE "%define debug_package %{nil}
%define _build_id_links none
%define _buildhost workestra
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
Recommends: gssntlmssp ca-certificates")
set(CPACK_RPM_PACKAGE_REQUIRES systemd)
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${scripts}/rpm/post)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${scripts}/rpm/preun)
set(CPACK_RPM_POST_UNINSTALL_SCRIPT_FILE ${scripts}/rpm/postun)
# Folders that every system has already belong to its own packages.
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /etc /usr/lib/systemd /usr/lib/systemd/system /usr/lib/systemd/catalog /usr/lib/sysusers.d
    /usr/lib/tmpfiles.d /usr/share/man /usr/share/man/man1 /usr/share/man/man5 /usr/share/doc
    /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/zsh
    /usr/share/zsh/vendor-completions)
include(CPack)
