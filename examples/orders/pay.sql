insert into balances values ($customer, -$cents) on conflict do update set cents = cents + excluded.cents;
select customer, cents from balances where customer = $customer;
