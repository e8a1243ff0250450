#!/usr/bin/env bash
# All that the image holds: rootfs.sh PROGRAM FOLDER. The Dockerfile and the tests make it by this script, on Debian 12.
# Nothing else is in there, no shell and no package manager.
set -euo pipefail
program=$1 root=$2
mkdir -p "$root"/{bin,dev,etc/ssl/certs,proc,sys,tmp}
chmod 1777 "$root/tmp"
install -m 755 "$program" "$root/bin/galileo"
strip --strip-all "$root/bin/galileo"

# As the loader would find them, where it looks for them; one file under each name.
take() {
  for file in "$@"; do
    mkdir -p "$root$(dirname "$file")"
    cp --dereference "$file" "$root$file"
  done
}
libraries() { ldd "$@" | sed -nE 's/.*[[:space:]](\/[^ ]+) \(0x.*/\1/p' | sort -u; }
take $(libraries "$program")

lib=$(dirname "$(readlink -f "$(libraries "$program" | grep 'libstdc++' | head -1)")")
# How MariaDB and MySQL ask for passwords.
plugins=("$lib"/libmariadb3/plugin/*.so)
take "${plugins[@]}" $(libraries "${plugins[@]}")
# Charsets of answers' bodies: those that the web has. UTF-8, UTF-16 and ISO-8859-1 are the C library's own.
shopt -s extglob nullglob
take "$lib"/gconv/gconv-modules{,.cache} "$lib"/gconv/gconv-modules.d/* \
  "$lib"/gconv/{ISO8859-+([0-9]),CP125+([0-9]),KOI8-?,MACINTOSH,IBM866,EUC-JP,SJIS,CP932,ISO-2022-JP,EUC-KR,UHC,GBK,GB18030,BIG5,BIG5HKSCS,UTF-7,UTF-16,UTF-32,libGB,libJIS,libKSC}.so

# What the fault agent disturbs networks with.
tc=$(PATH=$PATH:/sbin:/usr/sbin command -v tc || true)
if [ -n "$tc" ]; then
  install -m 755 "$tc" "$root/bin/tc"
  take $(libraries "$tc")
fi

# Whom HTTPS is believed of, who runs it, and how names are found: /etc/hosts before DNS.
cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'nobody:x:65534:65534:nobody:/:/bin/false' > "$root/etc/passwd"
echo 'nogroup:x:65534:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
