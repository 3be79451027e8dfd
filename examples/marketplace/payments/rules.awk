# The fee of a payout, in cents: 2.5 % rounded up, at least 25; refuses what is no amount.
BEGIN {
    if (cents !~ /^[0-9]+$/ || cents > 100000000) { print "refused"; exit 1 }
    fee = int((cents * 25 + 999) / 1000)
    print fee < 25 ? 25 : fee
}
