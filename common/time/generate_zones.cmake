# Writes the time zone tables from Unicode CLDR: cmake -DCLDR=folder -DOUT=file -P generate_zones.cmake
cmake_minimum_required(VERSION 3.25)

file(READ ${CLDR}/supplemental/windowsZones.xml windows_zones)
file(READ ${CLDR}/bcp47/timezone.xml names)

# Zones younger than the CLDR that Debian 12 ships: the name they are a link to, or - where Windows has no id for them.
set(newer "Europe/Kiev Europe/Kyiv" "- America/Ciudad_Juarez" "- America/Coyhaique" "- CET" "- EET" "- MET" "- WET" "- Factory")

# mapZone lists IANA names by territory; 001 is the one that stands for the Windows zone as such.
string(REGEX MATCHALL "<mapZone [^>]*>" zones "${windows_zones}")
foreach(zone IN LISTS zones)
    string(REGEX MATCH "other=\"([^\"]+)\" territory=\"([^\"]+)\" type=\"([^\"]+)\"" matched "${zone}")
    if(NOT matched)
        message(FATAL_ERROR "windowsZones.xml has another form than expected: ${zone}")
    endif()
    set(windows ${CMAKE_MATCH_1})
    set(territory ${CMAKE_MATCH_2})
    string(REPLACE " " ";" members "${CMAKE_MATCH_3}")
    foreach(member IN LISTS members)
        set("windows_of_${member}" ${windows})
    endforeach()
    if(territory STREQUAL "001")
        list(GET members 0 first)
        list(APPEND defaults "${windows}\t${first}")
    endif()
endforeach()

# An alias list names one zone by all its names, old and new: each gets what any of them has.
string(REGEX MATCHALL " alias=\"[^\"]+\"" groups "${names}")
list(TRANSFORM groups REPLACE " alias=\"([^\"]+)\"" "\\1")
foreach(group IN LISTS groups newer)
    string(REPLACE " " ";" members "${group}")
    set(windows "")
    foreach(member IN LISTS members)
        if(DEFINED "windows_of_${member}")
            set(windows ${windows_of_${member}})
        endif()
    endforeach()
    foreach(member IN LISTS members)
        if(NOT member MATCHES "^(-|Etc/Unknown|timezone)$")
            list(APPEND all "${member}\t${windows}")
            set("windows_of_${member}" ${windows})
        endif()
    endforeach()
endforeach()

list(LENGTH all zone_count)
list(LENGTH defaults default_count)
if(zone_count LESS 500 OR default_count LESS 130)
    message(FATAL_ERROR "CLDR's time zones look incomplete: ${zone_count} zones, ${default_count} Windows zones")
endif()
# Sorted by bytes, as the look-up compares: the tab that ends a name sorts before every character in one.
foreach(table IN ITEMS all defaults)
    list(SORT ${table})
    list(REMOVE_DUPLICATES ${table})
    list(TRANSFORM ${table} REPLACE "^([^\t]+)\t(.*)$" "{\"\\1\", \"\\2\"},")
    list(JOIN ${table} "\n    " ${table})
endforeach()
file(WRITE ${OUT} "// Made by generate_zones.cmake from Unicode CLDR; do not edit.
constexpr zone_pair iana_to_windows[] = {
    ${all}
};
constexpr zone_pair windows_to_iana[] = {
    ${defaults}
};
")
