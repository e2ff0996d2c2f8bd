/** SQL: chains all events anew, as the trigger of versions before the seals did. It takes no key. */
export const CHAIN_ANEW = `do $$
  declare e flag_promotions.audit_log; last text = repeat('0', 64);
  begin
    for e in select * from flag_promotions.audit_log order by id loop
      e.prev_hash = last;
      last = encode(sha256(convert_to(flag_promotions.audit_canonical(e), 'UTF8')), 'hex');
      update flag_promotions.audit_log set prev_hash = e.prev_hash, hash = last where id = e.id;
      update flag_promotions.audit_head set last_id = e.id, last_hash = last;
    end loop;
  end $$`;
