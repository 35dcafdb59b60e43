-- Twenty fields as a food seller would keep them; half of them hot.
INSERT INTO customers_fielddefinition (id, organisation_id, entity, key, label_de, label_en, help_de, help_en, "group", position, type, validation,
                                       visible_if, sensitivity, is_hot, hot_slot, hot_ready_at, is_active)
SELECT o * 100 + n, o, 'CUSTOMER', key, label, label, '', '', 'general', n * 10, type,
       CASE WHEN choices <> '' THEN jsonb_build_object('choices', (SELECT jsonb_agg(jsonb_build_object('value', c, 'label_de', initcap(c), 'label_en', initcap(c)))
                                                                     FROM unnest(string_to_array(choices, ' ')) AS c)) ELSE '{}' END,
       '{}', sensitivity, slot <> '', slot, CASE WHEN slot <> '' THEN now() END, true
  FROM generate_series(1, 3) AS o, (VALUES
       (1, 'cuisine', 'Cuisine', 'CHOICE', 'italian german asian greek turkish french indian vegan', 'INTERNAL', 'hot_text_1'),
       (2, 'wholesaler', 'Wholesaler', 'CHOICE', 'metro selgros chefs transgourmet edeka none', 'INTERNAL', 'hot_text_2'),
       (3, 'delivery_day', 'Delivery day', 'CHOICE', 'monday tuesday wednesday thursday friday', 'INTERNAL', 'hot_text_3'),
       (4, 'price_level', 'Price level', 'CHOICE', 'low middle high', 'INTERNAL', 'hot_text_4'),
       (5, 'pos_system', 'Till system', 'TEXT', '', 'INTERNAL', 'hot_text_5'),
       (6, 'has_terrace', 'Terrace', 'BOOLEAN', '', 'PUBLIC', 'hot_text_6'),
       (7, 'seats', 'Seats', 'INTEGER', '', 'PUBLIC', 'hot_number_1'),
       (8, 'meals_a_day', 'Meals a day', 'INTEGER', '', 'INTERNAL', 'hot_number_2'),
       (9, 'food_budget', 'Food budget', 'MONEY', '', 'INTERNAL', 'hot_number_3'),
       (10, 'opened_on', 'Opened on', 'DATE', '', 'PUBLIC', 'hot_date_1'),
       (11, 'lease_ends', 'Lease ends', 'DATE', '', 'INTERNAL', ''),
       (12, 'menu_change', 'Menu change', 'CHOICE', 'weekly monthly season never', 'INTERNAL', ''),
       (13, 'kitchen_hours', 'Kitchen hours', 'TEXT', '', 'PUBLIC', ''),
       (14, 'freezer_m3', 'Freezer', 'DECIMAL', '', 'INTERNAL', ''),
       (15, 'labels', 'Labels', 'MULTI_CHOICE', 'organic regional halal kosher fairtrade', 'PUBLIC', ''),
       (16, 'reservation_url', 'Reservation', 'URL', '', 'PUBLIC', ''),
       (17, 'orders_mail', 'Orders by mail', 'EMAIL', '', 'INTERNAL', ''),
       (18, 'is_nonprofit', 'Non-profit', 'BOOLEAN', '', 'PUBLIC', ''),
       (19, 'credit_note', 'Credit note', 'TEXT', '', 'RESTRICTED', ''),
       (20, 'wishes', 'Wishes', 'LONG_TEXT', '', 'INTERNAL', '')
  ) AS f(n, key, label, type, choices, sensitivity, slot);
